//! Arrows between modules point one way: no circle among the crate's first-level modules, and none among its files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What one file imports, and what it passes on under its own name.
#[derive(Default)]
struct Module {
    uses: Vec<Vec<String>>,
    passes_on: BTreeMap<String, Vec<String>>,
}

/// Every module of a crate by its path, `""` for the crate itself.
struct Modules(BTreeMap<String, Module>);

impl Modules {
    fn read(folder: &Path) -> Self {
        let mut modules = Self(BTreeMap::new());
        modules.enter(folder, "");
        modules
    }

    fn enter(&mut self, folder: &Path, module: &str) {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
            if path.is_dir() {
                self.enter(&path, &join(module, &stem));
            } else {
                let own = if ["mod", "lib"].contains(&stem.as_str()) { module.to_owned() } else { join(module, &stem) };
                let text = fs::read_to_string(&path).expect("text");
                self.0.insert(own, imports(&text));
            }
        }
    }

    /// The module that defines what `path`, as written in module `from`, names.
    fn target(&self, from: &str, path: &[String]) -> Option<String> {
        let mut at: Vec<String> = from.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => (at.clear(), rest = &path[1..]).0,
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|part| part == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            child if self.0.contains_key(&join(from, child)) => {}
            _ => return None, // another crate
        }
        while let Some(part) = rest.first().filter(|part| self.0.contains_key(&join(&at.join("::"), part))) {
            at.push(part.clone());
            rest = &rest[1..];
        }
        let module = at.join("::");
        let passed_on = rest.first().and_then(|name| self.0[&module].passes_on.get(name));
        passed_on.and_then(|path| self.target(&module, path)).or(Some(module))
    }

    /// Which modules each one needs.
    fn arrows(&self) -> BTreeMap<String, BTreeSet<String>> {
        let needs = |(from, module): (&String, &Module)| {
            let targets = module.uses.iter().filter_map(|path| self.target(from, path));
            // A part may name the whole it is a part of: a type's methods may fill several files.
            let whole =
                |target: &String| target == from || (!target.is_empty() && from.starts_with(&format!("{target}::")));
            (from.clone(), targets.filter(|target| !whole(target)).collect())
        };
        self.0.iter().map(needs).collect()
    }
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// The `use` statements of a file, and the paths from the crate's root that its code spells out.
fn imports(text: &str) -> Module {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect::<Vec<_>>().join("\n");
    let mut module = Module::default();
    for statement in code.split(';') {
        let statement = statement.rsplit(['}', ']']).next().filter(|_| !statement.contains('{')).unwrap_or(statement);
        let Some(at) = statement.find("use ").filter(|&at| !statement[..at].ends_with(char::is_alphanumeric)) else {
            continue;
        };
        let public = statement[..at].contains("pub");
        for path in expand(statement[at + 4..].trim()) {
            match path.last().cloned() {
                Some(name) if public => drop(module.passes_on.insert(name, path)),
                _ => module.uses.push(path),
            }
        }
    }
    for spelt in code.split("crate::").skip(1) {
        let path = spelt.split(|c: char| !c.is_alphanumeric() && c != '_' && c != ':').next().unwrap_or("");
        let path = ["crate"].into_iter().chain(path.split("::").filter(|part| !part.is_empty()));
        let path: Vec<String> = path.map(str::to_owned).collect();
        if path.len() > 2 && !code.contains(&format!("use {}", path.join("::"))) {
            module.uses.push(path);
        }
    }
    module
}

/// `a::{b, c::d}` as `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let Some((head, body)) = tree.split_once('{') else {
        let name = tree.split(" as ").next().unwrap_or("").trim();
        return vec![name.split("::").map(|part| part.trim().to_owned()).filter(|part| part != "self").collect()];
    };
    let head: Vec<String> =
        head.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    let body = &body[..body.rfind('}').unwrap_or(body.len())];
    let (mut depth, mut start, mut parts) = (0, 0, Vec::new());
    for (i, c) in body.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&body[start..i]);
                start = i + 1;
            }
            _ => {}
        }
    }
    parts.push(&body[start..]);
    let parts = parts.into_iter().map(str::trim).filter(|part| !part.is_empty());
    parts.flat_map(expand).map(|tail| head.iter().cloned().chain(tail).collect()).collect()
}

/// A circle among the arrows, if there is one.
fn circle(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        at: &str,
        arrows: &BTreeMap<String, BTreeSet<String>>,
        path: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = path.iter().position(|other| other == at) {
            return Some(path[start..].to_vec());
        }
        if !done.insert(at.to_owned()) {
            return None;
        }
        path.push(at.to_owned());
        let found = arrows.get(at).into_iter().flatten().find_map(|next| visit(next, arrows, path, done));
        path.pop();
        found
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|start| visit(start, arrows, &mut Vec::new(), &mut done))
}

fn first_level(arrows: &BTreeMap<String, BTreeSet<String>>) -> BTreeMap<String, BTreeSet<String>> {
    let room = |module: &str| module.split("::").next().unwrap_or("").to_owned();
    let mut rooms: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (from, targets) in arrows {
        let across = targets.iter().map(|target| room(target)).filter(|target| *target != room(from));
        rooms.entry(room(from)).or_default().extend(across);
    }
    rooms
}

#[test]
fn no_circle_among_modules() {
    let arrows = Modules::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).arrows();
    assert!(arrows.len() > 40 && arrows["engine"].contains("policy::plan"), "{arrows:#?}");
    assert_eq!(circle(&first_level(&arrows)), None, "among first-level modules");
    assert_eq!(circle(&arrows), None, "among files");
}

#[test]
fn a_circle_is_found() {
    let module = |text| imports(text);
    let modules = Modules(BTreeMap::from([
        (String::new(), module("mod a; mod b;")),
        ("a".to_owned(), module("use crate::b::{self, Deep as D, x::{Y}};")),
        ("b".to_owned(), module("mod c;\npub use c::Deep;")),
        ("b::c".to_owned(), module("use std::fmt;\n// use crate::b;\nuse super::super::a::Thing;")),
    ]));
    let arrows = modules.arrows();
    assert_eq!(arrows["a"], BTreeSet::from(["b".to_owned(), "b::c".to_owned()]));
    assert_eq!(circle(&arrows), Some(vec!["a".to_owned(), "b::c".to_owned()]));
    assert_eq!(circle(&first_level(&arrows)), Some(vec!["a".to_owned(), "b".to_owned()]));
}
