//! What a function takes until it asks for its first event: processor time, wall time and resident memory, beside a function
//! that does nothing but answer. The functions read their secrets and open their connection to the table, as on AWS, but in
//! the clear: TLS is not in these figures.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::process::Command;

use crate::figures::{self, Target, millis};
use crate::system::{Medium, System};

const HELLO: &str = env!("CARGO_BIN_EXE_hello-function");
/// More than what the hello function takes.
const CPU_MS_MAX: f64 = 25.0;
const MEMORY_MB_MAX: f64 = 12.0;
/// Lambda gives a function as long to start.
const START_MAX: Duration = Duration::from_secs(10);

/// One start.
#[derive(Debug, Clone, Copy)]
struct Start {
    cpu_ms: f64,
    wall_ms: f64,
    memory_mb: f64,
}

/// Starts each function a number of times, in turn with the hello function, and prints the medians.
pub(crate) async fn measure(functions: &Path, spawns: usize) -> Result<()> {
    if !Path::new("/proc/self/schedstat").exists() {
        println!("\nCold starts SKIPPED: this system has no /proc to read processor time and memory from");
        return Ok(());
    }
    let system = System::start(functions, Medium::Memory).await?;
    figures::title(&format!(
        "From spawn to the first poll of the Runtime API, median of {spawns}"
    ));
    let mut rows = Vec::new();
    for pool in system.running.stack.functions().iter() {
        let environment = &pool.settings().environment;
        let (mut hello, mut function) = (Vec::new(), Vec::new());
        for _ in 0..spawns {
            hello.push(start(Path::new(HELLO), &environment.variables).await?);
            function.push(start(&environment.binary, &environment.variables).await?);
        }
        rows.push((pool.settings().id.clone(), medians(&hello), medians(&function)));
    }
    for (name, hello, function) in &rows {
        let row = |start: &Start| {
            format!(
                "{:.1} ms CPU, {:.1} ms, {:.1} MB",
                start.cpu_ms, start.wall_ms, start.memory_mb
            )
        };
        figures::line(name, &format!("{}; hello {}", row(function), row(hello)));
    }
    let most = |pick: fn(&Start) -> f64| {
        rows.iter()
            .map(|(_, hello, function)| pick(function) - pick(hello))
            .fold(0.0, f64::max)
    };
    figures::against(
        "most CPU above hello",
        most(|start| start.cpu_ms),
        "ms",
        &Target::AtMost(CPU_MS_MAX),
    );
    figures::against(
        "most memory above hello",
        most(|start| start.memory_mb),
        "MB",
        &Target::AtMost(MEMORY_MB_MAX),
    );
    system.running.stop().await;
    Ok(())
}

fn medians(starts: &[Start]) -> Start {
    let of = |pick: fn(&Start) -> f64| figures::median(&starts.iter().map(pick).collect::<Vec<_>>());
    Start {
        cpu_ms: of(|start| start.cpu_ms),
        wall_ms: of(|start| start.wall_ms),
        memory_mb: of(|start| start.memory_mb),
    }
}

/// Starts a process with a Runtime API that only waits for the first poll, and ends it there.
async fn start(binary: &Path, variables: &[(String, String)]) -> Result<Start> {
    let api = TcpListener::bind("127.0.0.1:0").await?;
    let began = Instant::now();
    let mut child = Command::new(binary)
        .env_clear()
        .envs(variables.iter().cloned())
        .env("AWS_LAMBDA_RUNTIME_API", api.local_addr()?.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {}", binary.display()))?;
    let polled = async {
        let (mut connection, _) = api.accept().await?;
        let mut head = [0; 64];
        let read = connection.read(&mut head).await?;
        let head = String::from_utf8_lossy(&head[..read]).into_owned();
        anyhow::Ok((head, connection))
    };
    let (head, connection) = tokio::time::timeout(START_MAX, polled)
        .await
        .with_context(|| format!("{} does not start", binary.display()))??;
    let wall_ms = millis(began.elapsed());
    let pid = child.id().context("the process has ended")?;
    ensure!(
        head.contains("/invocation/next"),
        "{} reports an error: {head}",
        binary.display()
    );
    let start = Start {
        cpu_ms: cpu_ms(pid)?,
        wall_ms,
        memory_mb: memory_mb(pid)?,
    };
    child.kill().await?;
    drop(connection);
    Ok(start)
}

/// Processor time of all threads of a process, from the scheduler's own accounts in nanoseconds.
fn cpu_ms(pid: u32) -> Result<f64> {
    let mut nanos = 0.0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let account = std::fs::read_to_string(task?.path().join("schedstat"))?;
        let spent: f64 = account.split(' ').next().context("no figure")?.parse()?;
        nanos += spent;
    }
    Ok(nanos / 1e6)
}

fn memory_mb(pid: u32) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let resident = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no resident memory")?;
    let kilobytes: f64 = resident.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kilobytes / 1_024.0)
}
