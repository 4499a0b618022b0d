//! AWS endpoints in process: DynamoDB and its stream, SQS, S3 and Secrets Manager, with their data on disk.
