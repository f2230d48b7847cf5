// SPDX-License-Identifier: GPL-2.0

//! The figures, and how they are shown.

use std::fmt;

use serde_json::{Value, json};
use tabled::builder::Builder;
use tabled::settings::object::Columns;
use tabled::settings::{Alignment, Style};

/// What was measured of one commit, in the order of the measurements.
#[derive(Debug, Default)]
pub(crate) struct Figures(Vec<Figure>);

#[derive(Debug)]
struct Figure {
    group: String,
    name: String,
    value: f64,
}

impl Figures {
    pub(crate) fn add(&mut self, group: &str, name: &str, value: f64) {
        self.0.push(Figure {
            group: group.to_owned(),
            name: name.to_owned(),
            value,
        });
    }

    fn get(&self, group: &str, name: &str) -> Option<f64> {
        let found = self
            .0
            .iter()
            .find(|it| it.group == group && it.name == name);
        found.map(|it| it.value)
    }
}

/// The figures of this commit, and of the one that it is compared with.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) this: Figures,
    pub(crate) base: Option<Figures>,
}

impl Table {
    fn base_of(&self, figure: &Figure) -> Option<f64> {
        self.base.as_ref()?.get(&figure.group, &figure.name)
    }

    pub(crate) fn json(&self) -> Value {
        let figures = self.this.0.iter().map(|figure| {
            json!({
                "group": figure.group,
                "name": figure.name,
                "value": figure.value,
                "base": self.base_of(figure),
            })
        });
        json!({ "figures": figures.collect::<Vec<_>>() })
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut builder = Builder::default();
        let mut heading = vec!["", "", "this"];
        if self.base.is_some() {
            heading.extend(["base", "ratio"]);
        }
        builder.push_record(heading);
        let mut group = "";
        for figure in &self.this.0 {
            // The name of a group stands once.
            let shown = if group == figure.group {
                ""
            } else {
                &figure.group
            };
            group = &figure.group;
            let mut record = vec![shown.to_owned(), figure.name.clone(), number(figure.value)];
            if self.base.is_some() {
                let base = self.base_of(figure);
                record.push(base.map(number).unwrap_or_default());
                let ratio = base.filter(|base| *base > 0.0);
                record.push(
                    ratio.map_or(String::new(), |base| format!("{:.2}", figure.value / base)),
                );
            }
            builder.push_record(record);
        }
        let mut table = builder.build();
        table
            .with(Style::blank())
            .modify(Columns::new(2..), Alignment::right());
        write!(f, "{table}")
    }
}

/// Whole numbers as such, and means with what they have behind the point.
fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else {
        format!("{value:.2}")
    }
}
