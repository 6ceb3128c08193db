//! `[store]` where it is elsewhere.

mod redis;

use super::*;

/// What only says something of a store elsewhere.
pub fn of_network(path: &str) -> bool {
    let keys =
        ["url", "urls", "user", "password", "password_file", "ca_file", "database", "cluster", "quorum"];
    path.strip_prefix("store.").is_some_and(|key| keys.contains(&key))
}

/// What only says something of a store or a Redis that is elsewhere.
pub fn of_elsewhere(path: &str) -> bool {
    let keys = ["url", "password", "password_file", "ca_file"];
    of_network(path) || path.strip_prefix("redis.").is_some_and(|key| keys.contains(&key))
}

#[test]
fn a_store_elsewhere_is_shown_without_its_password_and_reads_back() {
    let elsewhere = "rollups.mode = 'off'\nstore.urls = ['http://u@h:1', 'https://i']\nstore.password = 'hunter2'\nstore.ca_file = 'c'\n\
        store.cluster = 'main'\nstore.quorum = 2";
    let settings = load(elsewhere, &[]).unwrap();
    let shown: BTreeSet<String> = settings.lines().into_iter().map(|(path, _)| path).collect();
    let never = ["store.url", "store.password_file"];
    let expected = KEYS.iter().map(|key| key.path.to_owned());
    let expected = expected.filter(|path| of_network(path) && !never.contains(&path.as_str()));
    assert!(expected.into_iter().all(|path| shown.contains(&path)), "{shown:?}");
    let text = settings.to_string();
    assert!(!text.contains("hunter2") && !format!("{settings:?}").contains("hunter2"));
    assert_eq!(load(&text, &[]).unwrap().to_string(), text);
}

#[test]
fn a_password_may_stand_in_a_file_alone() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "hunter2\n").unwrap();
    let keys = format!("store.url = 'http://h'\nstore.password_file = {:?}", file.path());
    let settings = load(&keys, &[]).unwrap();
    let StoreKind::Network(network) = &settings.store.kind else { panic!("not a network store") };
    let password = network.password.as_ref().map(secrecy::ExposeSecret::expose_secret);
    assert_eq!((password, settings.to_string().contains("hunter2")), (Some("hunter2"), false));
    let twice = errors(keys + "\nstore.password = 'x'", &[]);
    assert!(twice.len() == 1 && twice[0].contains("allowed: either password or password_file"), "{twice:?}");
}
