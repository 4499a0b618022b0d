//! The printer's file of many letters (P2, X5, X7): rows per second and memory of the function that merges the sorted letters of a run
//! into it, beside the raw rate at which the same bytes go into the same bucket in parts from one process.
//!
//! The sorted letters of 64 shards are put as the function itself puts them, and it is told what making them took: the function does it
//! shard by shard, between its calls to the table. What is measured begins with the message that asks for the file. The file is read by another reader than the one that is measured.

use std::collections::HashSet;
use std::io::{BufReader, Read, Seek, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use ::campaign::Campaign;
use ::lettershop::Key;
use ::lettershop::format::Encoder;
use ::lettershop::merge;
use ::lettershop::piece::{Piece, PieceId, PrintedVoucher, Worth};
use ::lettershop::row::Row;
use ::lettershop::settings::Settings;
use anyhow::{Context, Result, ensure};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use domain::id::PartyId;
use domain::money::{Currency, Money};
use domain::programme::Programme;
use domain::secret::Secret;
use domain::till_text::Language;
use domain::voucher::{VoucherNumber, voucher_id};
use messages::LettershopMessage;
use sha2::{Digest, Sha256};
use store::Site;
use store::lettershop::{self as files, Chunk};
use store::run::{self, Cut, Run, RunId, Stage};

use crate::figures::{self, Target};
use crate::import;
use crate::system::{Medium, System};

/// Bytes of a part of the raw upload: those of the function's.
const PART_BYTES: usize = 5 * 1024 * 1024;
/// Memory of a process of the function.
const MEMORY_MAX_MB: f64 = 64.0;
const BETWEEN_LOOKS: Duration = Duration::from_millis(250);
const LOOKS_MAX: u32 = 20_000;
/// Of which names are made: as many different ones as people have, so that sorted letters are not packed better than theirs.
const SYLLABLES: [&str; 32] = [
    "an", "bach", "ber", "bru", "cha", "dé", "dor", "eg", "fa", "fer", "gen", "go", "hel", "hu", "im", "ja", "kel",
    "lau", "li", "ma", "mü", "na", "nou", "pe", "ral", "ro", "schi", "ta", "ti", "vo", "wy", "zu",
];

/// Writes a file of so many letters and prints what it took.
#[expect(clippy::cast_precision_loss, reason = "some million letters")]
pub(crate) async fn measure(functions: &Path, letters: usize) -> Result<()> {
    let system = System::start(functions, Medium::Disk).await?;
    let (id, run) = begun(&system)?;
    let Sorted { packed, seconds } = sorted(&system, &id, &run, letters).await?;
    run::begin(system.db(), Site::ToolWrite, system.tenant(), run, runtime::now()).await?;
    let began = Instant::now();
    ask(&system, &id).await?;
    let file = written(&system, &id).await?;
    let took = began.elapsed().as_secs_f64();
    figures::title(&format!("The printer's file of {letters} letters on disk"));
    figures::line("rows per second", &format!("{:.0}/s", letters as f64 / took));
    let mut copy = fetched(&system, &file.key).await?;
    let bytes = copy.metadata()?.len() as f64 / 1e6;
    figures::line("size", &format!("{bytes:.0} MB, {:.1} MB/s", bytes / took));
    let raw = raw(&system, &mut copy).await?;
    figures::line(
        "raw: the same bytes in parts from one process",
        &format!("{:.1} MB/s", bytes / raw),
    );
    figures::against("their ratio", raw / took, "", &Target::AtLeast(0.5));
    if let Some(memory) = import::memory_mb("lettershop-export") {
        figures::against(
            "most memory of a process of the function",
            memory,
            "MB",
            &Target::AtMost(MEMORY_MAX_MB),
        );
    }
    read(&mut copy, letters, &file.manifest)?;
    let each = seconds / letters as f64 * 1e6;
    figures::line(
        "sorted letters, made before",
        &format!("{:.0} MB; {each:.1} µs a letter, on one thread", packed as f64 / 1e6),
    );
    figures::line(
        "read by another reader",
        "as many rows, in order, no code twice, the hash of the manifest",
    );
    system.running.stop().await;
    Ok(())
}

fn begun(system: &System) -> Result<(RunId, Run)> {
    let mut campaign = end_to_end::letters::bonus("letters");
    campaign["texts"]["fr"] = "{salutation}, {value} jusqu'au {valid_until}.".into();
    let campaign: Campaign = serde_json::from_value(campaign)?;
    let programme = Programme::swiss_default(crate::system::programme()?);
    let day = runtime::now().date_naive();
    let run = Run::new(campaign, 1, 1, (day, Cut::default()), &programme);
    let mut run = run.context("campaign and day make no run")?;
    run.stage = Stage::Writing;
    let id = RunId {
        tenant: system.tenant().clone(),
        run: run.run.clone(),
        revision: 1,
    };
    Ok((id, run))
}

/// The sorted letters as they stand in the bucket.
struct Sorted {
    /// Their bytes.
    packed: usize,
    /// What making rows of letters, sorting and packing them took.
    seconds: f64,
}

/// Puts the sorted letters of all shards.
async fn sorted(system: &System, id: &RunId, run: &Run, letters: usize) -> Result<Sorted> {
    // What the function takes while nothing is agreed on with the printer.
    let encoder = Encoder::new(Settings::default().format);
    let encoder = encoder.map_err(|found| anyhow::anyhow!("the built-in format: {found:?}"))?;
    let (mut packed, mut seconds) = (0usize, 0.0);
    let shards = usize::from(run.cut.shards);
    for shard in 0..run.cut.shards {
        let numbers = (usize::from(shard)..letters).step_by(shards);
        let pieces = numbers
            .map(|number| letter(run, number))
            .collect::<Result<Vec<Piece>>>()?;
        let began = Instant::now();
        let mut rows = pieces
            .iter()
            .map(|piece| Ok(Row::of(piece, &encoder)?))
            .collect::<Result<Vec<Row>>>()?;
        rows.sort_unstable_by(|a, b| a.key().cmp(&b.key()));
        let chunk = merge::chunk(&rows);
        seconds += began.elapsed().as_secs_f64();
        let key = format!("work/{}/{}/0001/{shard:02}", id.tenant, id.run);
        let bucket = system.running.stack.bucket("LettershopBucket")?;
        let put = system.running.stack.clients().s3.put_object().bucket(bucket).key(&key);
        packed += chunk.len();
        put.body(chunk.into()).send().await?;
        let chunk = Chunk {
            key: Some(key),
            letters: u64::try_from(rows.len())?,
            gaps: 0,
            shortened: 0,
            noted: true,
        };
        files::store_chunk(system.db(), Site::ToolWrite, (id, shard), chunk, runtime::now()).await?;
    }
    Ok(Sorted { packed, seconds })
}

fn letter(run: &Run, number: usize) -> Result<Piece> {
    let party: PartyId = format!("{:08x}-7a64-7c3e-9d51-2f4a1c8e7b10", number).parse()?;
    // As a hash would, so that neighbours by number are none by name, street and postcode.
    let mut random = fastrand::Rng::with_seed(u64::try_from(number)?);
    let (given, family) = (name(&mut random, 2), name(&mut random, 3));
    let (street, town) = (name(&mut random, 3), name(&mut random, 2));
    let voucher = voucher_id(
        &party,
        &run.campaign.programme,
        &VoucherNumber::of_run(run.run.clone(), 1),
    );
    let postcode = random.u32(1_000..9_700).to_string();
    Ok(Piece {
        id: PieceId::derive(b"the piece key of the bench", &run.run, &party, 1),
        language: if number.is_multiple_of(4) {
            Language::Fr
        } else {
            Language::De
        },
        salutation: Secret::new(format!("Guten Tag {given} {family}")),
        address: vec![
            Secret::new(format!("{given} {family}")),
            Secret::new(format!("{street}strasse {}", random.u32(1..200))),
            Secret::new(format!("{postcode} {town}wil")),
        ],
        country: "CH".parse()?,
        postcode: Some(Secret::new(postcode)),
        vouchers: vec![PrintedVoucher {
            id: Secret::new(voucher),
            worth: Worth::Value(Money::new(1_000, Currency::CHF)),
            valid_until: run.day,
        }],
        variant: run.campaign.letter_variant.parse::<Key>()?,
        enclosure: None,
        texts: vec![Secret::new(format!(
            "Guten Tag {given} {family}, dieser Gutschein ist CHF 10.00 wert."
        ))],
        control: false,
    })
}

fn name(random: &mut fastrand::Rng, syllables: usize) -> String {
    let mut name: String = (0..syllables)
        .map(|_| SYLLABLES[random.usize(..SYLLABLES.len())])
        .collect();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

async fn ask(system: &System, id: &RunId) -> Result<()> {
    let message = LettershopMessage::Write {
        tenant: id.tenant.clone(),
        run: id.run.clone(),
        revision: id.revision,
    };
    let stack = &system.running.stack;
    let send = stack
        .clients()
        .sqs
        .send_message()
        .queue_url(stack.queue_url("LettershopQueue")?);
    send.message_body(serde_json::to_string(&message)?).send().await?;
    Ok(())
}

async fn written(system: &System, id: &RunId) -> Result<run::PrintFile> {
    for _ in 0..LOOKS_MAX {
        let run = run::read(system.db(), Site::ToolRead, id).await?.context("the run")?;
        if let Some(file) = run.d.file {
            return Ok(file);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    anyhow::bail!("the file does not come to an end")
}

/// A copy of the file on the disk.
async fn fetched(system: &System, key: &str) -> Result<std::fs::File> {
    let stack = &system.running.stack;
    let get = stack
        .clients()
        .s3
        .get_object()
        .bucket(stack.bucket("LettershopBucket")?)
        .key(key);
    let mut body = get.send().await?.body;
    let mut copy = tempfile::tempfile()?;
    while let Some(bytes) = body.next().await {
        copy.write_all(&bytes?)?;
    }
    copy.rewind()?;
    Ok(copy)
}

/// The same bytes under another key in parts, one after another; seconds.
async fn raw(system: &System, copy: &mut std::fs::File) -> Result<f64> {
    let stack = &system.running.stack;
    let (bucket, key, s3) = (stack.bucket("LettershopBucket")?, "out/raw.csv", &stack.clients().s3);
    let began = Instant::now();
    let upload = s3.create_multipart_upload().bucket(&bucket).key(key).send().await?;
    let upload = upload.upload_id().context("an upload")?.to_owned();
    let mut parts = Vec::new();
    for number in 1.. {
        let mut part = Vec::with_capacity(PART_BYTES);
        Read::by_ref(copy).take(PART_BYTES as u64).read_to_end(&mut part)?;
        if part.is_empty() {
            break;
        }
        let put = s3
            .upload_part()
            .bucket(&bucket)
            .key(key)
            .upload_id(&upload)
            .part_number(number);
        let put = put.body(part.into()).send().await?;
        parts.push(
            CompletedPart::builder()
                .part_number(number)
                .set_e_tag(put.e_tag)
                .build(),
        );
    }
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = s3.complete_multipart_upload().bucket(bucket).key(key).upload_id(upload);
    complete.multipart_upload(parts).send().await?;
    copy.rewind()?;
    Ok(began.elapsed().as_secs_f64())
}

/// Reads the file with another reader, and compares it with its manifest.
fn read(copy: &mut std::fs::File, letters: usize, manifest: &serde_json::Value) -> Result<()> {
    let mut hash = Sha256::new();
    let mut some = vec![0; PART_BYTES];
    loop {
        let bytes = copy.read(&mut some)?;
        if bytes == 0 {
            break;
        }
        hash.update(&some[..bytes]);
    }
    copy.rewind()?;
    let digits: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(
        manifest["sha256"] == digits.as_str(),
        "the file has another hash than its manifest"
    );
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(b';')
        .from_reader(BufReader::new(copy));
    let headers = reader.headers()?.clone();
    let column = |name: &str| {
        headers
            .iter()
            .position(|header| header.trim_start_matches('\u{feff}') == name)
    };
    let piece = column("piece_id").context("a column of letters")?;
    let (code, postcode) = (
        column("code").context("codes")?,
        column("postcode").context("postcodes")?,
    );
    let mut codes = HashSet::with_capacity(letters);
    let mut last = (String::new(), String::new());
    for row in reader.records() {
        let row = row?;
        let here = (row[postcode].to_owned(), row[piece].to_owned());
        ensure!(last < here, "the letters are in order");
        last = here;
        ensure!(codes.insert(row[code].to_owned()), "no code is there twice");
    }
    ensure!(codes.len() == letters, "{} rows, {letters} letters", codes.len());
    Ok(())
}
