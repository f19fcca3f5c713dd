use super::*;

fn value(text: &str, series: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.and_then(|rest| rest.strip_prefix(' ')?.parse().ok())
}

#[test]
fn what_was_noted_is_what_is_rendered() {
    let meters = Meters::new();
    meters.count(Outcome::Approved);
    meters.count_many(Outcome::Expired, 3);
    meters.decided(Duration::from_secs(7));
    meters.committed(4, Duration::from_millis(2));
    meters.key_signs_since("request_object", 1_700_000_000);
    meters.owes(3, 1, Duration::from_millis(2_900));
    let first = meters.stream();
    let _second = meters.stream();
    let _poll = meters.poll();
    drop(first);
    let text = meters.render().unwrap();
    for (series, expected) in [
        (r#"countersign_grants_total{outcome="approved"}"#, 1.0),
        (r#"countersign_grants_total{outcome="expired"}"#, 3.0),
        (r#"countersign_grants_total{outcome="redeemed"}"#, 0.0),
        (r#"countersign_decision_seconds_bucket{le="5.0"}"#, 0.0),
        (r#"countersign_decision_seconds_bucket{le="10.0"}"#, 1.0),
        ("countersign_storage_commit_seconds_count", 1.0),
        ("countersign_storage_group_size_sum", 4.0),
        ("countersign_open_streams", 1.0),
        ("countersign_held_polls", 1.0),
        ("countersign_outbox_owed", 3.0),
        ("countersign_outbox_dead", 1.0),
        ("countersign_outbox_oldest_owed_seconds", 2.0),
        (
            r#"countersign_signing_key_active_since_timestamp_seconds{purpose="request_object"}"#,
            1_700_000_000.0,
        ),
    ] {
        assert_eq!(value(&text, series), Some(expected), "{series} in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"), "the text says that it is whole");
}

#[test]
fn routes_are_told_apart_by_class_of_status() {
    let meters = Meters::new();
    for (route, status) in [
        (Some("/token"), 200),
        (Some("/token"), 400),
        (Some("/token"), 401),
        (None, 404),
    ] {
        meters.answered(route, status, Duration::from_millis(3));
    }
    let text = meters.render().unwrap();
    for (route, status, expected) in [
        ("/token", "2xx", 1.0),
        ("/token", "4xx", 2.0),
        ("unmatched", "4xx", 1.0),
    ] {
        let series = format!(r#"countersign_http_request_duration_seconds_count{{route="{route}",status="{status}"}}"#);
        assert_eq!(value(&text, &series), Some(expected), "{series} in\n{text}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_says_what_it_uses() {
    let text = Meters::new().render().unwrap();
    for series in ["process_resident_memory_bytes", "process_open_fds"] {
        assert!(
            value(&text, series).is_some_and(|value| value > 0.0),
            "{series} in\n{text}"
        );
    }
    assert!(value(&text, "process_cpu_seconds_total").is_some(), "{text}");
}
