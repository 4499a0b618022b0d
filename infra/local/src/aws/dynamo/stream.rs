//! The stream's records in the emulator's database: the index that keeps writes fast, and trimming.
//!
//! At each write to a table with a stream the emulator asks for the highest sequence number of all kept records, compared
//! as numbers. Without an index on that expression the question reads every record, so that each write costs more than
//! the one before.

use crate::aws::AwsError;
use rusqlite::Connection;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Which records of a table's stream to delete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StreamTrim {
    /// Records written before this time, to the second.
    CreatedBefore(SystemTime),
    /// Records up to and including this sequence number, as `GetRecords` returned it.
    UpTo(String),
    /// Every record kept now.
    All,
}

const SERVICE: &str = "DynamoDB";

/// What a public sequence number adds to the stored one (the emulator's fixed 21-digit form).
const SEQUENCE_NUMBER_OFFSET: u128 = 100_000_000_000_000_000_000;

/// Rows deleted per transaction: a few milliseconds, so that a request never waits long for the write lock (it gives up
/// after five seconds).
const TRIM_BATCH: i64 = 1_000;

/// How long this connection waits for a request's write to end.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

const CREATE_INDEX: &str = "CREATE INDEX IF NOT EXISTS treue_stream_sequence \
     ON _stream_records (table_name, CAST(sequence_number AS INTEGER))";

/// Opens a second connection to the emulator's database and makes sure that the sequence index exists.
pub(super) fn open(location: &str) -> Result<Connection, AwsError> {
    let connection = Connection::open(location).map_err(AwsError::database(SERVICE))?;
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .map_err(AwsError::database(SERVICE))?;
    // Trimmed records that a power failure brings back are trimmed again: no need to wait for the disk.
    connection
        .pragma_update(None, "synchronous", "NORMAL")
        .map_err(AwsError::database(SERVICE))?;
    connection
        .execute_batch(CREATE_INDEX)
        .map_err(AwsError::database(SERVICE))?;
    Ok(connection)
}

/// Deletes the records of `table`'s stream that `trim` names and returns how many there were.
pub(super) fn trim(connection: &Connection, table: &str, trim: &StreamTrim) -> Result<u64, AwsError> {
    let (condition, bound) = match trim {
        StreamTrim::CreatedBefore(time) => ("created_at < ?2", unix_seconds(*time)),
        StreamTrim::UpTo(number) => ("CAST(sequence_number AS INTEGER) <= ?2", stored_number(number)?),
        StreamTrim::All => (
            "CAST(sequence_number AS INTEGER) <= ?2",
            last_number(connection, table)?,
        ),
    };
    let sql = format!(
        "DELETE FROM _stream_records WHERE id IN \
         (SELECT id FROM _stream_records WHERE table_name = ?1 AND {condition} LIMIT {TRIM_BATCH})"
    );
    let mut statement = connection.prepare(&sql).map_err(AwsError::database(SERVICE))?;
    let mut trimmed = 0_u64;
    // Ends when a batch finds nothing: the bound was fixed above, so records written meanwhile are not chased.
    loop {
        let deleted = statement
            .execute(rusqlite::params![table, bound])
            .map_err(AwsError::database(SERVICE))?;
        if deleted == 0 {
            return Ok(trimmed);
        }
        trimmed += deleted as u64;
    }
}

fn unix_seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX))
}

fn stored_number(public: &str) -> Result<i64, AwsError> {
    public
        .parse::<u128>()
        .ok()
        .and_then(|number| number.checked_sub(SEQUENCE_NUMBER_OFFSET))
        .and_then(|number| i64::try_from(number).ok())
        .ok_or_else(|| AwsError::SequenceNumber(public.to_owned()))
}

fn last_number(connection: &Connection, table: &str) -> Result<i64, AwsError> {
    connection
        .query_row(
            "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) FROM _stream_records WHERE table_name = ?1",
            [table],
            |row| row.get(0),
        )
        .map_err(AwsError::database(SERVICE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(connection: &Connection, sql: &str) -> String {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let lines = statement
            .query_map([], |row| row.get::<_, String>(3))
            .unwrap()
            .collect::<Result<Vec<_>, _>>()
            .unwrap();
        lines.join("; ")
    }

    fn opened(location: &str) -> (dynoxide::Database, Connection) {
        let database = dynoxide::Database::new(location).unwrap();
        let connection = open(location).unwrap();
        (database, connection)
    }

    #[test]
    fn the_next_sequence_number_is_looked_up_in_the_index_on_disk_and_in_memory() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("d.sqlite").to_str().unwrap().to_owned();
        for location in [file, super::super::memory_location()] {
            let (_database, connection) = opened(&location);
            // The emulator's own statement, with the parameter filled in.
            let plan = plan(
                &connection,
                "SELECT COALESCE(MAX(CAST(sequence_number AS INTEGER)), 0) + 1 FROM _stream_records WHERE table_name = 'main'",
            );
            assert!(
                plan.contains("USING COVERING INDEX treue_stream_sequence"),
                "{location}: {plan}"
            );
            assert!(!plan.contains("SCAN"), "{location}: {plan}");
        }
    }

    #[test]
    fn reading_records_after_a_position_uses_the_index() {
        let (_database, connection) = opened(&super::super::memory_location());
        let plan = plan(
            &connection,
            "SELECT event_name FROM _stream_records WHERE table_name = 'main' AND shard_id = 's' \
             AND CAST(sequence_number AS INTEGER) > 5 ORDER BY CAST(sequence_number AS INTEGER) ASC LIMIT 100",
        );
        assert!(plan.contains("USING INDEX treue_stream_sequence"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }

    #[test]
    fn a_number_that_no_stream_issued_is_refused() {
        for number in ["", "abc", "5", "-100000000000000000001"] {
            assert!(
                matches!(stored_number(number), Err(AwsError::SequenceNumber(_))),
                "{number}"
            );
        }
        assert_eq!(stored_number("100000000000000000007").unwrap(), 7);
    }
}
