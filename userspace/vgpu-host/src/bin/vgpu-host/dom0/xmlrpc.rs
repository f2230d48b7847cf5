// SPDX-License-Identifier: GPL-2.0

//! What xapi and a plugin of it say to each other: a call of XML-RPC, as the one argument
//! of the plugin, and the answer on its stdout.
//!
//! A call has the session's reference and a struct of texts. Nothing else is taken.

use std::collections::BTreeMap;
use std::fmt::Write;

use roxmltree::{Document, Node};
use thiserror::Error;
use vgpu_host::Shown;

/// A call of a plugin.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) function: String,
    pub(crate) arguments: BTreeMap<String, String>,
}

/// Why something is no call.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    #[error("it is no XML: {0}")]
    Xml(#[from] roxmltree::Error),
    #[error("there is {found} where {expected} belongs")]
    Unexpected {
        found: String,
        expected: &'static str,
    },
    #[error("two arguments are called {0}")]
    Twice(Shown),
}

impl Call {
    pub(crate) fn parse(text: &str) -> Result<Self, CallError> {
        let document = Document::parse(text)?;
        let [name, params] = elements(named(document.root_element(), "methodCall")?, "2 elements")?;
        let function = text_of(named(name, "methodName")?)?;
        let [session, arguments] = elements(named(params, "params")?, "2 parameters")?;
        value(param(session)?)?;
        let [arguments] = elements(param(arguments)?, "a struct")?;
        let mut call = Call {
            function,
            arguments: BTreeMap::new(),
        };
        for member in all_elements(named(arguments, "struct")?)? {
            let [name, content] = elements(named(member, "member")?, "a name and a value")?;
            let name = text_of(named(name, "name")?)?;
            let content = value(named(content, "value")?)?;
            if call.arguments.contains_key(&name) {
                return Err(CallError::Twice(Shown::new(name)));
            }
            call.arguments.insert(name, content);
        }
        Ok(call)
    }
}

/// The value of a parameter.
fn param<'a>(node: Node<'a, 'a>) -> Result<Node<'a, 'a>, CallError> {
    let [value] = elements(named(node, "param")?, "a value")?;
    named(value, "value")
}

/// The text that a value is: by XML-RPC, one without a type is a string.
fn value(node: Node<'_, '_>) -> Result<String, CallError> {
    match node.children().any(|child| child.is_element()) {
        false => text_of(node),
        true => {
            let [string] = elements(node, "a string")?;
            text_of(named(string, "string")?)
        }
    }
}

/// The node, if it is an element of that name and of nothing more.
fn named<'a>(node: Node<'a, 'a>, name: &'static str) -> Result<Node<'a, 'a>, CallError> {
    let plain = node.attributes().len() == 0 && node.tag_name().namespace().is_none();
    match node.is_element() && plain && node.tag_name().name() == name {
        true => Ok(node),
        false => Err(unexpected(node, name)),
    }
}

/// So many elements, and nothing between them but white space.
fn elements<'a, const N: usize>(
    node: Node<'a, 'a>,
    expected: &'static str,
) -> Result<[Node<'a, 'a>; N], CallError> {
    let all = all_elements(node)?;
    let count = all.len();
    all.try_into().map_err(|_| CallError::Unexpected {
        found: format!("{count} of them"),
        expected,
    })
}

fn all_elements<'a>(node: Node<'a, 'a>) -> Result<Vec<Node<'a, 'a>>, CallError> {
    let space = |node: &Node<'_, '_>| {
        let text = node.text().unwrap_or("x");
        node.is_text() && text.chars().all(|it| it.is_ascii_whitespace())
    };
    node.children()
        .filter(|child| !space(child))
        .map(|child| match child.is_element() {
            true => Ok(child),
            false => Err(unexpected(child, "an element")),
        })
        .collect()
}

/// The text of an element that has nothing else.
fn text_of(node: Node<'_, '_>) -> Result<String, CallError> {
    let parts = node.children().map(|child| match child.is_text() {
        true => Ok(child.text().unwrap_or_default()),
        false => Err(unexpected(child, "text")),
    });
    parts.collect()
}

fn unexpected(node: Node<'_, '_>, expected: &'static str) -> CallError {
    let found = match (node.is_element(), node.is_text()) {
        (true, _) => format!("the element {}", Shown::new(node.tag_name().name())),
        (_, true) => format!("the text {}", Shown::new(node.text().unwrap_or_default())),
        _ => "a comment or an instruction".into(),
    };
    CallError::Unexpected { found, expected }
}

/// The answer of a call that succeeded.
pub(crate) fn success(result: &str) -> String {
    response("Success", "Value", &string(result))
}

/// The answer of a call that failed: a code, and what belongs to it.
pub(crate) fn failure(code: &str, parameters: &[&str]) -> String {
    let texts = [code].into_iter().chain(parameters.iter().copied());
    let values: String = texts.map(string).collect();
    let array = format!("<value><array><data>{values}</data></array></value>");
    response("Failure", "ErrorDescription", &array)
}

fn response(status: &str, name: &str, value: &str) -> String {
    let status = string(status);
    format!(
        "<?xml version=\"1.0\"?><methodResponse><params><param><value><struct>\
         <member><name>Status</name>{status}</member>\
         <member><name>{name}</name>{value}</member>\
         </struct></value></param></params></methodResponse>\n"
    )
}

/// A value of printable ASCII. XML has no room for some other characters, and each reader
/// its own idea of the rest; they are written as Rust writes them.
fn string(text: &str) -> String {
    let mut escaped = String::new();
    for it in text.chars() {
        match it {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            ' '..='~' => escaped.push(it),
            // Writing to a string cannot fail.
            _ => drop(write!(escaped, "{}", it.escape_default())),
        }
    }
    format!("<value><string>{escaped}</string></value>")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SESSION: &str = "<param><value>OpaqueRef:1</value></param>";

    fn call(arguments: &str) -> String {
        format!(
            "<?xml version='1.0'?>\n<methodCall><methodName>set</methodName>\n<params>{SESSION}\n\
             <param><value><struct>{arguments}</struct></value></param></params></methodCall>"
        )
    }

    fn member(name: &str, value: &str) -> String {
        format!("<member><name>{name}</name><value>{value}</value></member>")
    }

    #[test]
    fn a_call_has_a_function_and_texts_by_name() {
        for (value, text) in [
            ("a &amp; &lt;b&gt; &#65;", "a & <b> A"),
            ("<string>a\nb</string>", "a\nb"),
            (" <string/> ", ""),
            ("", ""),
        ] {
            let parsed = Call::parse(&call(&member("vm", value))).unwrap();
            assert_eq!(parsed.function, "set");
            assert_eq!(parsed.arguments, [("vm".into(), text.into())].into());
        }
        assert!(Call::parse(&call("")).unwrap().arguments.is_empty());
    }

    #[test]
    fn what_is_no_call_is_refused() {
        let good = call(&member("vm", "x"));
        for text in [
            "".into(),
            "set".into(),
            good.replace("methodCall", "methodResponse"),
            good.replace(SESSION, ""),
            good.replace(SESSION, &SESSION.repeat(2)),
            good.replace("<params>", "<params>x"),
            good.replace("<params>", "<params><!-- x -->"),
            good.replace("<struct>", "<struct id='1'>"),
            good.replace("<methodCall>", "<methodCall xmlns='x'>"),
            good.replace("?>\n", "?><!DOCTYPE a [<!ENTITY b 'c'>]>"),
            good.clone() + &good,
            good[..good.len() - 1].into(),
            call(&member("vm", "<int>1</int>")),
            call(&member("vm", "x<string>y</string>")),
            call(&member("vm", "<string>x</string><string>y</string>")),
            call(&member("vm", "<string><b>x</b></string>")),
            call(&member("vm", "x").repeat(2)),
            call("<member><name>vm</name></member>"),
        ] {
            assert!(Call::parse(&text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn whatever_a_call_was_made_of_is_what_is_read(
            function in "[a-z]{1,8}",
            arguments in prop::collection::btree_map("[a-z_]{1,8}", "[ -~]{0,20}", 0..4),
        ) {
            let escape = |text: &str| {
                text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
            };
            let members: String = arguments
                .iter()
                .map(|(name, value)| member(name, &format!("<string>{}</string>", escape(value))))
                .collect();
            let text = call(&members).replace(">set<", &format!(">{function}<"));
            prop_assert_eq!(Call::parse(&text).unwrap(), Call { function, arguments });
        }

        #[test]
        fn damage_is_a_refusal_or_another_call_and_no_end(
            place in any::<prop::sample::Index>(),
            with in "[<>/&a-z\"\\x00-\\x7f]{0,4}",
        ) {
            let good = call(&member("vm", "x"));
            let place = place.index(good.len());
            let _ = Call::parse(&format!("{}{with}{}", &good[..place], &good[place + 1..]));
        }
    }

    #[test]
    fn an_answer_is_xml_whatever_is_in_it() {
        let text = "a]]><b>&amp; \u{ffff}\u{1}\u{e4}\n";
        for answer in [success(text), failure("CODE", &[text])] {
            let document = Document::parse(&answer).unwrap();
            let said = document
                .descendants()
                .filter(|node| node.has_tag_name("string"))
                .last()
                .and_then(|node| node.text());
            assert_eq!(said, Some(r"a]]><b>&amp; \u{ffff}\u{1}\u{e4}\n"));
        }
    }
}
