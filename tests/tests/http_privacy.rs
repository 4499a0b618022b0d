//! Nothing personal and nothing secret in any log, whatever goes wrong (X17): a day with planted names, cards, codes and keys,
//! with every kind of mistake, and then a search through the logs of all functions and through what the stack itself tells.

#[path = "http_privacy/day.rs"]
mod day;
#[path = "http_privacy/told.rs"]
mod told;

use end_to_end::running::Running;

use day::Planted;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_holds_a_name_a_card_a_code_or_a_key() {
    let told = told::listen();
    let stack = Running::start_with(|options| options.visibility_timeout_seconds = Some(1)).await;
    let planted = day::play(&stack).await;
    let mut logs = vec![("the stack".to_owned(), told.text())];
    for pool in stack.stack.functions().iter() {
        let name = pool.settings().id.clone();
        let text = stack.stack.function_log(&name).expect("a log");
        assert!(text.lines().count() > 1, "{name} has worked and logged: {text:?}");
        logs.push((name, text));
    }
    stack.stop().await;
    logs[0].1.push_str(&told.text());
    assert!(logs[0].1.contains("a batch"), "the stack tells something of its own");
    assert_silent(&planted, &logs);
}

/// No log holds anything planted, as it was written or without spaces, dashes and case.
fn assert_silent(planted: &Planted, logs: &[(String, String)]) {
    let compact = |text: &str| -> String {
        let kept = text.chars().filter(|c| !matches!(c, ' ' | '-'));
        kept.flat_map(char::to_lowercase).collect()
    };
    assert!(planted.all().count() > 20, "there is something to look for");
    for (name, log) in logs {
        let compact_log = compact(log);
        for (what, secret) in planted.all() {
            let line = log.lines().find(|line| line.contains(secret) || compact(line).contains(&compact(secret)));
            assert_eq!(line, None, "{name} tells {what} {secret}");
            assert!(!compact_log.contains(&compact(secret)), "{name} tells {what} {secret} over several lines");
        }
    }
}
