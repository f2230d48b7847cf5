// SPDX-License-Identifier: GPL-2.0

//! Reading the sources of a crate.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, ItemMod, Lit, Meta, UseTree, Visibility};

/// Name of a module, from the crate's root, which has none.
pub(crate) type Name = Vec<String>;

/// Modules of a crate, without those that only its tests have.
pub(crate) struct Crate {
    modules: BTreeMap<Name, Module>,
}

#[derive(Default)]
struct Module {
    /// Paths that it uses, from the crate's root.
    used: Vec<Name>,
    /// Paths that others may use by its name, by the last part of theirs.
    exported: BTreeMap<String, Name>,
    /// Names of its own items. What a macro makes is not seen.
    declared: BTreeSet<String>,
}

impl Crate {
    /// Parses the file at `root`, and all that it declares.
    pub(crate) fn parse(root: &Path) -> Result<Self> {
        let mut parsed = Self {
            modules: BTreeMap::new(),
        };
        let directory = root.parent().context("a file is in a directory")?;
        parsed.read(root, directory, &[])?;
        Ok(parsed)
    }

    /// Returns who uses what: a module, another one, and the item's name.
    pub(crate) fn imports(&self) -> Vec<(Name, Name, String)> {
        let mut imports = Vec::new();
        for (name, module) in self.modules.iter().filter(|(name, _)| !name.is_empty()) {
            for path in &module.used {
                if let Some((used, item)) = self.resolve(path, 0).filter(|(used, _)| used != name) {
                    imports.push((name.clone(), used, item));
                }
            }
        }
        imports.sort();
        imports.dedup();
        imports
    }

    /// Finds the module that has what a path names, and what that is called there. A path
    /// that names a module as a whole has that.
    fn resolve(&self, path: &[String], depth: usize) -> Option<(Name, String)> {
        let length = (0..=path.len())
            .rev()
            .find(|length| self.modules.contains_key(&path[..*length]))?;
        let (name, rest) = path.split_at(length);
        let Some(item) = rest.first() else {
            // `crate` alone says who may use something.
            return Some((name.to_vec(), "it".into())).filter(|_| !name.is_empty());
        };
        match self.modules[name].exported.get(item) {
            // One that leads to itself leads nowhere.
            Some(target) if depth < 8 => {
                let rest = &rest[1..];
                self.resolve(&[target, rest].concat(), depth + 1)
            }
            // A macro is the crate's wherever it stands, and so may be what one has made there.
            _ if name.is_empty() && !self.modules[name].declared.contains(item) => None,
            _ => Some((name.to_vec(), item.clone())),
        }
    }

    fn read(&mut self, file: &Path, directory: &Path, name: &[String]) -> Result<()> {
        let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let parsed = syn::parse_file(&text).with_context(|| file.display().to_string())?;
        let beside = file.parent().context("a file is in a directory")?;
        self.take(&parsed.items, beside, directory, name)
    }

    /// Takes the items of the module `name`, whose file is in `beside`, and those of the
    /// modules below it in `directory`.
    fn take(
        &mut self,
        items: &[Item],
        beside: &Path,
        directory: &Path,
        name: &[String],
    ) -> Result<()> {
        let mut reader = Reader {
            name,
            module: Module::default(),
            below: Vec::new(),
        };
        for item in items {
            reader.visit_item(item);
        }
        let Reader { module, below, .. } = reader;
        self.modules.insert(name.to_vec(), module);
        for ItemMod {
            attrs,
            ident,
            content,
            ..
        } in below
        {
            let ident = ident.to_string();
            let name = [name, &[ident.clone()]].concat();
            let own = directory.join(&ident);
            match content {
                Some((_, items)) => self.take(&items, beside, &own, &name)?,
                None => {
                    let (file, own) = match named(&attrs) {
                        Some(file) => (beside.join(&file), directory.to_path_buf()),
                        None if own.join("mod.rs").exists() => (own.join("mod.rs"), own),
                        None => (directory.join(format!("{ident}.rs")), own),
                    };
                    self.read(&file, &own, &name)?;
                }
            }
        }
        Ok(())
    }
}

/// Returns the file that an attribute names for a module.
fn named(attributes: &[Attribute]) -> Option<PathBuf> {
    attributes
        .iter()
        .find_map(|attribute| match &attribute.meta {
            Meta::NameValue(it) if it.path.is_ident("path") => match &it.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value().into()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        })
}

/// Reads one module.
struct Reader<'a> {
    name: &'a [String],
    module: Module,
    below: Vec<ItemMod>,
}

impl Reader<'_> {
    /// Notes a path, if it is one of this crate.
    fn note(&mut self, path: &[String]) {
        if let Some(path) = self.absolute(path) {
            self.module.used.push(path);
        }
    }

    /// Returns a path from the crate's root.
    fn absolute(&self, path: &[String]) -> Option<Name> {
        let (first, rest) = path.split_first()?;
        let (base, rest) = match first.as_str() {
            "crate" => (&self.name[..0], rest),
            "self" => (self.name, rest),
            "super" => {
                let above = path.iter().take_while(|it| *it == "super").count();
                let base = self.name.get(..self.name.len().checked_sub(above)?)?;
                (base, &path[above..])
            }
            // A module that this one declares.
            _ if self.below.iter().any(|it| it.ident == first) => (self.name, path),
            _ => return None,
        };
        Some([base, rest].concat())
    }

    fn take_use(&mut self, tree: &UseTree, before: &[String], is_exported: bool) {
        let with = |ident: &syn::Ident| [before, &[ident.to_string()]].concat();
        match tree {
            UseTree::Path(it) => self.take_use(&it.tree, &with(&it.ident), is_exported),
            UseTree::Group(it) => {
                for tree in &it.items {
                    self.take_use(tree, before, is_exported);
                }
            }
            UseTree::Name(it) => {
                self.take_name(&with(&it.ident), &it.ident.to_string(), is_exported)
            }
            UseTree::Rename(it) => {
                self.take_name(&with(&it.ident), &it.rename.to_string(), is_exported);
            }
            UseTree::Glob(_) => self.note(before),
        }
    }

    fn take_name(&mut self, path: &[String], name: &str, is_exported: bool) {
        // `use a::{self}` is a.
        let path = match path {
            [path @ .., last] if last == "self" && !path.is_empty() => path,
            path => path,
        };
        self.note(path);
        if let Some(path) = self.absolute(path).filter(|_| is_exported) {
            self.module.exported.insert(name.to_owned(), path);
        }
    }

    /// Notes the paths in the arguments of a macro, which are no more than words here.
    fn take_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(ident) => {
                    if colons != 2 {
                        self.note(&std::mem::take(&mut path));
                    }
                    path.push(ident.to_string());
                    colons = 0;
                }
                TokenTree::Punct(it) if it.as_char() == ':' => colons += 1,
                TokenTree::Group(group) => {
                    self.note(&std::mem::take(&mut path));
                    colons = 0;
                    self.take_tokens(group.stream());
                }
                _ => {
                    self.note(&std::mem::take(&mut path));
                    colons = 0;
                }
            }
        }
        self.note(&path);
    }
}

/// Tells whether something is for tests only.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(it) if it.path.is_ident("cfg") => it.tokens.to_string() == "test",
        _ => false,
    })
}

/// Returns the name of an item, if it has one that is used by paths.
fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(it) => &it.ident,
        Item::Enum(it) => &it.ident,
        Item::Fn(it) => &it.sig.ident,
        Item::Static(it) => &it.ident,
        Item::Struct(it) => &it.ident,
        Item::Trait(it) => &it.ident,
        Item::Type(it) => &it.ident,
        Item::Union(it) => &it.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        let attributes = match item {
            Item::Const(it) => &it.attrs,
            Item::Fn(it) => &it.attrs,
            Item::Impl(it) => &it.attrs,
            Item::Mod(it) => &it.attrs,
            Item::Use(it) => &it.attrs,
            _ => &vec![],
        };
        if is_test(attributes) {
            return;
        }
        self.module.declared.extend(name_of(item));
        match item {
            Item::Mod(it) => self.below.push(it.clone()),
            Item::Use(it) => {
                let is_exported = !matches!(it.vis, Visibility::Inherited);
                self.take_use(&it.tree, &[], is_exported);
            }
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        match item {
            ImplItem::Fn(it) if is_test(&it.attrs) => {}
            _ => visit::visit_impl_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let names: Vec<String> = path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        // One word is of this module, or was imported.
        if names.len() > 1 {
            self.note(&names);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, it: &'ast syn::Macro) {
        let mut names: Vec<String> = it
            .path
            .segments
            .iter()
            .map(|it| it.ident.to_string())
            .collect();
        if let Some(last) = names.last_mut() {
            last.push('!');
        }
        if names.len() > 1 {
            self.note(&names);
        }
        self.take_tokens(it.tokens.clone());
    }
}
