//! `[redis]` where there is one.

use super::super::*;

#[test]
fn a_redis_is_shown_without_its_password_and_reads_back() {
    let shared =
        "rollups.mode = 'off'\nredis.url = 'rediss://u@h/2'\nredis.password = 'hunter2'\nredis.ca_file = 'c'";
    let settings = load(shared, &[]).unwrap();
    let text = settings.to_string();
    assert!(text.contains("url = \"rediss://u@h:6379/2\"") && text.contains("ca_file = \"c\""), "{text}");
    assert!(!text.contains("hunter2") && !format!("{settings:?}").contains("hunter2"));
    assert_eq!(load(&text, &[]).unwrap().to_string(), text);
}

#[test]
fn without_an_address_there_is_none() {
    assert!(defaults().redis.server.is_none());
    assert_eq!(errors("redis.ca_file = 'c'", &[]).len(), 1);
}

#[test]
fn what_is_wrong_with_a_redis_is_said_without_secrets() {
    for (text, expected) in [
        ("redis.url = \"redis://:pw@h\"", "redis.url = (hidden): allowed: an address like redis://"),
        ("redis.password = \"pw\"", "redis.password = (hidden): allowed: with redis.url only"),
        ("redis.url = \"redis://h\"", "rollups.mode = hourly: allowed with redis.url: off"),
        ("redis.prefix = \"a b\"", "allowed: 1 to 64 characters out of a-z"),
        ("redis.cache_bytes = 1024", "allowed: 0, or a size from 1MiB to 1TiB"),
    ] {
        let lines = errors(text, &[]);
        assert!(lines.len() == 1 && lines[0].contains(expected), "{text}: {lines:#?}");
    }
}
