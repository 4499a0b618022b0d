//! What the local SQS has answered survives a SIGKILL of its process.

mod aws_support;

use aws_support::{Stack, sqs_client};
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use treue_local::aws::{AwsEndpoints, AwsError, AwsOptions};

const DATA_DIR: &str = "TREUE_TEST_SQS_DATA_DIR";
const URL_MARK: &str = "listening on ";
/// Acknowledged sends after which the process is killed, in each round at another point.
const KILL_AFTER: [usize; 3] = [1, 40, 150];
const SENDERS: usize = 4;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    /// Runs this test binary again as a process that serves `folder`.
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "the_server_that_is_killed", "--nocapture"])
            .env(DATA_DIR, folder)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = lines
            .map_while(Result::ok)
            .find_map(|line| line.split_once(URL_MARK).map(|(_, url)| url.to_owned()))
            .expect("the server names its URL");
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGKILL; a process that has ended already is no concern here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
#[ignore = "is the child process of the other test, which kills it"]
fn the_server_that_is_killed() {
    let folder = std::env::var(DATA_DIR).expect("started by the other test only");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let stack = Stack::on_disk(Path::new(&folder)).await;
        println!("{URL_MARK}{}", stack.endpoints.sqs_url());
        std::future::pending::<()>().await;
    });
}

#[derive(Default)]
struct Acknowledged {
    sent: BTreeSet<String>,
    deleted: BTreeSet<String>,
    /// Deletes that were asked for and not answered: such a message may be there or not.
    deleting: BTreeSet<String>,
}

/// Sends until the server is gone. One of the senders deletes a message after every third send; with two of them, one
/// could make the other's receipt handle stale, and a delete with such a handle is answered and deletes nothing.
async fn send_until_killed(url: String, sender: String, deletes: bool, acknowledged: Arc<Mutex<Acknowledged>>) {
    let client = sqs_client(&url);
    let queue = format!("{url}/000000000000/q");
    for n in 0.. {
        let body = format!("{sender}-{n}");
        if client
            .send_message()
            .queue_url(&queue)
            .message_body(&body)
            .send()
            .await
            .is_err()
        {
            return;
        }
        acknowledged.lock().unwrap().sent.insert(body);
        if !deletes || n % 3 != 0 {
            continue;
        }
        let Ok(received) = client.receive_message().queue_url(&queue).send().await else {
            return;
        };
        for message in received.messages.unwrap_or_default() {
            let body = message.body.unwrap();
            acknowledged.lock().unwrap().deleting.insert(body.clone());
            let delete = client
                .delete_message()
                .queue_url(&queue)
                .receipt_handle(message.receipt_handle.unwrap());
            if delete.send().await.is_err() {
                return;
            }
            let mut acknowledged = acknowledged.lock().unwrap();
            acknowledged.deleting.remove(&body);
            acknowledged.deleted.insert(body);
        }
    }
}

async fn kill_after(count: usize, round: usize, folder: &Path, acknowledged: &Arc<Mutex<Acknowledged>>) {
    let server = Server::start(folder);
    // No waiting for a message that the last process had handed out: it is visible again at once.
    let created = sqs_client(&server.url)
        .create_queue()
        .queue_name("q")
        .attributes(aws_sdk_sqs::types::QueueAttributeName::VisibilityTimeout, "0")
        .send()
        .await
        .unwrap();
    assert!(created.queue_url().unwrap().starts_with(&server.url));
    let before = acknowledged.lock().unwrap().sent.len();
    let senders: Vec<_> = (0..SENDERS)
        .map(|n| {
            let sender = format!("round{round}-sender{n}");
            tokio::spawn(send_until_killed(
                server.url.clone(),
                sender,
                n == 0,
                Arc::clone(acknowledged),
            ))
        })
        .collect();
    aws_support::eventually("enough sends are acknowledged", async || {
        (acknowledged.lock().unwrap().sent.len() >= before + count).then_some(())
    })
    .await;
    drop(server);
    for sender in senders {
        sender.await.unwrap();
    }
}

/// Compares what was answered before the kills with what is there after them.
fn check(acknowledged: &Acknowledged, found: &BTreeSet<String>) {
    assert!(!acknowledged.deleted.is_empty());
    for body in &acknowledged.sent {
        let may_be_gone = acknowledged.deleted.contains(body) || acknowledged.deleting.contains(body);
        assert!(found.contains(body) || may_be_gone, "the acknowledged {body} is lost");
    }
    let back: Vec<_> = acknowledged.deleted.intersection(found).collect();
    assert!(back.is_empty(), "deleted messages are back: {back:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_sends_and_deletes_survive_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let acknowledged = Arc::new(Mutex::new(Acknowledged::default()));
    for (round, count) in KILL_AFTER.into_iter().enumerate() {
        kill_after(count, round, folder.path(), &acknowledged).await;
    }
    let stack = Stack::on_disk(folder.path()).await;
    let client = stack.sqs();
    let queue = client
        .get_queue_url()
        .queue_name("q")
        .send()
        .await
        .unwrap()
        .queue_url
        .unwrap();
    let mut found = BTreeSet::new();
    loop {
        let receive = client
            .receive_message()
            .queue_url(&queue)
            .max_number_of_messages(10)
            .visibility_timeout(600);
        let messages = receive.send().await.unwrap().messages.unwrap_or_default();
        if messages.is_empty() {
            break;
        }
        for message in messages {
            let body = message.body.unwrap();
            assert!(found.insert(body.clone()), "{body} was stored twice");
        }
    }
    check(&acknowledged.lock().unwrap(), &found);
    stack.stop().await;
}

#[tokio::test]
async fn a_data_folder_serves_one_process_and_is_free_again_after_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let options = AwsOptions {
        data_dir: Some(folder.path().to_owned()),
        ..AwsOptions::default()
    };
    let first = AwsEndpoints::start(options.clone()).await.unwrap();
    let second = AwsEndpoints::start(options.clone()).await.unwrap_err();
    assert!(matches!(second, AwsError::DataDirInUse { .. }), "{second}");
    first.stop().await.unwrap();
    AwsEndpoints::start(options).await.unwrap().stop().await.unwrap();
}

/// Prints messages per second through the SDK, for 1, 8 and 32 clients: `cargo test -p treue-local --test aws_durability -- --ignored rate`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement, not a check"]
async fn rate_of_send_receive_delete_on_disk() {
    const MESSAGES: usize = 2_000;
    for clients in [1, 8, 32] {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        let stack = Stack::on_disk(folder.path()).await;
        let client = stack.sqs();
        let queue = client
            .create_queue()
            .queue_name("q")
            .send()
            .await
            .unwrap()
            .queue_url
            .unwrap();
        let started = std::time::Instant::now();
        let workers: Vec<_> = (0..clients)
            .map(|_| {
                let (client, queue) = (client.clone(), queue.clone());
                tokio::spawn(async move {
                    for _ in 0..MESSAGES / clients {
                        client
                            .send_message()
                            .queue_url(&queue)
                            .message_body("x".repeat(200))
                            .send()
                            .await
                            .unwrap();
                        let received = client.receive_message().queue_url(&queue).send().await.unwrap();
                        let handle = received.messages.unwrap().remove(0).receipt_handle.unwrap();
                        client
                            .delete_message()
                            .queue_url(&queue)
                            .receipt_handle(handle)
                            .send()
                            .await
                            .unwrap();
                    }
                })
            })
            .collect();
        for worker in workers {
            worker.await.unwrap();
        }
        let millis = started.elapsed().as_millis().max(1);
        println!("{clients} clients: {} messages/s", MESSAGES as u128 * 1_000 / millis);
        stack.stop().await;
    }
}
