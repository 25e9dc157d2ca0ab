//! Dependencies run one way: cli → server, planner → core ← connectors.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

type Edges = BTreeMap<String, BTreeSet<String>>;

/// Every package of the workspace with all packages it names, tests' own needs left out.
fn dependencies() -> Edges {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml")])
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut edges = Edges::new();
    for package in metadata["packages"].as_array().unwrap() {
        let needs = package["dependencies"].as_array().unwrap().iter();
        let needs = needs.filter(|dependency| dependency["kind"].is_null());
        let names = needs.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect();
        edges.insert(package["name"].as_str().unwrap().to_owned(), names);
    }
    edges
}

fn ours(edges: &Edges, package: &str) -> BTreeSet<String> {
    edges[package].iter().filter(|name| name.starts_with("headwater")).cloned().collect()
}

fn names(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn dependencies_run_one_way() {
    let edges = dependencies();
    assert_eq!(ours(&edges, "headwater-core"), names(&[]));
    assert_eq!(ours(&edges, "headwater-sql"), names(&["headwater-core"]));
    assert_eq!(ours(&edges, "headwater-planner"), names(&["headwater-core"]));
    assert_eq!(ours(&edges, "headwater-server"), names(&["headwater-core"]));
    assert_eq!(ours(&edges, "headwater-aws"), names(&["headwater-core"]));
    assert_eq!(ours(&edges, "headwater-remote"), names(&["headwater-core"]));
    for connector in ["headwater-dynamodb", "headwater-files"] {
        assert_eq!(ours(&edges, connector), names(&["headwater-aws", "headwater-core"]), "{connector}");
    }
    for connector in ["headwater-mysql", "headwater-postgres"] {
        assert_eq!(ours(&edges, connector), names(&["headwater-core", "headwater-sql"]), "{connector}");
    }
    // What measures is built without the command line, the server and the other connectors.
    let measured =
        ["core", "dynamodb", "harness", "mysql", "planner", "postgres"].map(|name| format!("headwater-{name}"));
    assert_eq!(ours(&edges, "headwater-benches"), BTreeSet::from(measured));
    // A plugin needs the contract, and the command line to be a program of its own.
    assert_eq!(ours(&edges, "headwater-example-connector"), names(&["headwater", "headwater-core"]));
}

#[test]
fn only_the_planner_knows_the_engine_and_core_knows_no_driver() {
    let edges = dependencies();
    for (package, needs) in &edges {
        let engine = needs.iter().any(|name| name.starts_with("datafusion"));
        assert_eq!(engine, package == "headwater-planner", "{package}");
    }
    for driver in
        ["tokio", "tokio-postgres", "mysql_async", "aws-config", "object_store", "arrow-flight", "tonic", "hyper"]
    {
        assert!(!edges["headwater-core"].contains(driver), "core needs {driver}");
    }
}
