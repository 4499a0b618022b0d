//! The file emulator (s3s-fs) behind checks that it lacks: writes that take turns, conditions that hold, complete objects.
//!
//! By itself the emulator checks `If-None-Match` before it reads the body and replaces the object before it verifies the
//! body's digest, so that concurrent creators all win and a damaged upload replaces a good object. Here an upload is
//! written and verified aside; then, as the object's only writer, its conditions are checked and it is renamed into place.

use super::locks::KeyLocks;
use super::staging::{self, STAGING_BUCKET, object_file};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CopyObjectInput, CopyObjectOutput, CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, ETag, ETagCondition, GetBucketLocationInput, GetBucketLocationOutput,
    GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput,
    ListBucketsInput, ListBucketsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output,
    ListPartsInput, ListPartsOutput, PutObjectInput, PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput,
    UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3ErrorCode, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// The smallest part of a multipart upload, except the last one, in bytes.
const MIN_PART_BYTES: i64 = 5 * 1024 * 1024;

/// The S3 operations; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct GuardedS3 {
    files: Arc<FileSystem>,
    locks: Arc<KeyLocks>,
    root: PathBuf,
}

/// What a write demands of the object that it replaces.
#[derive(Debug, Default)]
struct Condition {
    if_match: Option<ETagCondition>,
    if_none_match: Option<ETagCondition>,
}

impl GuardedS3 {
    pub(super) fn new(files: FileSystem, root: PathBuf) -> Self {
        Self {
            files: Arc::new(files),
            locks: Arc::new(KeyLocks::new()),
            root,
        }
    }

    async fn check_target(&self, bucket: &str, key: &str) -> S3Result<()> {
        let plain = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
        if !key.strip_suffix('/').unwrap_or(key).split('/').all(plain) {
            return Err(s3_error!(
                InvalidArgument,
                "The local S3 keeps objects as files: a key cannot have empty, . or .. segments"
            ));
        }
        match tokio::fs::try_exists(self.root.join(bucket)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(s3_error!(NoSuchBucket)),
            Err(error) => Err(s3_error!(error, InternalError)),
        }
    }

    /// Checks a condition; the caller holds the object's lock, so that the answer stays true until it writes.
    async fn check_condition(&self, bucket: &str, key: &str, condition: &Condition) -> S3Result<()> {
        let exists = tokio::fs::try_exists(object_file(&self.root, bucket, key))
            .await
            .map_err(|error| s3_error!(error, InternalError))?;
        match &condition.if_none_match {
            None => {}
            Some(ETagCondition::Any) if exists => {
                return Err(s3_error!(
                    PreconditionFailed,
                    "At least one of the pre-conditions you specified did not hold"
                ));
            }
            Some(ETagCondition::Any) => {}
            Some(ETagCondition::ETag(_)) => {
                return Err(s3_error!(NotImplemented, "If-None-Match of a write takes * only"));
            }
        }
        let Some(wanted) = &condition.if_match else {
            return Ok(());
        };
        if !exists {
            return Err(s3_error!(NoSuchKey));
        }
        let ETagCondition::ETag(wanted) = wanted else {
            return Ok(());
        };
        match self.etag(bucket, key).await? {
            Some(etag) if etag.strong_cmp(wanted) => Ok(()),
            _ => Err(s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            )),
        }
    }

    async fn etag(&self, bucket: &str, key: &str) -> S3Result<Option<ETag>> {
        let input = HeadObjectInput::builder()
            .bucket(bucket.to_owned())
            .key(key.to_owned())
            .build()
            .map_err(|error| s3_error!(error, InternalError))?;
        Ok(self.files.head_object(internal_request(input)).await?.output.e_tag)
    }

    async fn put_staged(self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
        let condition = Condition {
            if_match: req.input.if_match.clone(),
            if_none_match: req.input.if_none_match.clone(),
        };
        if key.ends_with('/') {
            let _turn = self.locks.lock(&bucket, [key.as_str()]).await;
            return self.files.put_object(req).await;
        }
        let staged = uuid::Uuid::new_v4().to_string();
        let staged_key = staged.clone();
        let staged_request = req.map_input(|input| PutObjectInput {
            bucket: STAGING_BUCKET.to_owned(),
            key: staged_key,
            if_match: None,
            if_none_match: None,
            ..input
        });
        let published = async {
            let response = self.files.put_object(staged_request).await?;
            let _turn = self.locks.lock(&bucket, [key.as_str()]).await;
            self.check_condition(&bucket, &key, &condition).await?;
            staging::publish(&self.root, &staged, &bucket, &key)
                .await
                .map_err(|error| s3_error!(error, InternalError, "The object could not be put in place"))?;
            Ok(response)
        }
        .await;
        if published.is_err() {
            staging::discard(&self.root, &staged).await;
        }
        published
    }

    async fn complete(
        self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let input = &req.input;
        let condition = Condition {
            if_match: input.if_match.clone(),
            if_none_match: input.if_none_match.clone(),
        };
        let _turn = self.locks.lock(&input.bucket, [input.key.as_str()]).await;
        self.check_condition(&input.bucket, &input.key, &condition).await?;
        self.check_parts(input).await?;
        let req = req.map_input(|input| CompleteMultipartUploadInput {
            if_match: None,
            if_none_match: None,
            ..input
        });
        self.files.complete_multipart_upload(req).await
    }

    /// Checks the parts before the emulator does, because it gives up the upload when it finds a fault in them.
    async fn check_parts(&self, input: &CompleteMultipartUploadInput) -> S3Result<()> {
        let listed = ListPartsInput::builder()
            .bucket(input.bucket.clone())
            .key(input.key.clone())
            .upload_id(input.upload_id.clone())
            .build()
            .map_err(|error| s3_error!(error, InternalError))?;
        let parts = self
            .files
            .list_parts(internal_request(listed))
            .await?
            .output
            .parts
            .unwrap_or_default();
        let sizes: BTreeMap<i32, i64> = parts
            .iter()
            .filter_map(|part| Some((part.part_number?, part.size?)))
            .collect();
        let wanted = input.multipart_upload.as_ref().and_then(|upload| upload.parts.as_ref());
        let wanted: Vec<i32> = wanted
            .into_iter()
            .flatten()
            .filter_map(|part| part.part_number)
            .collect();
        if wanted.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(s3_error!(InvalidPartOrder));
        }
        if let Some((number, _)) = wanted.iter().zip(1..).find(|(number, expected)| **number != *expected) {
            return Err(s3_error!(
                InvalidPart,
                "Part {number}: the local S3 needs parts numbered from 1 without gaps"
            ));
        }
        for (index, number) in wanted.iter().enumerate() {
            match sizes.get(number) {
                None => return Err(s3_error!(InvalidPart)),
                Some(size) if *size < MIN_PART_BYTES && index + 1 < wanted.len() => {
                    return Err(s3_error!(EntityTooSmall));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }
}

/// A request of this module's own to the emulator.
fn internal_request<T>(input: T) -> S3Request<T> {
    S3Request {
        input,
        method: http::Method::GET,
        uri: http::Uri::default(),
        headers: http::HeaderMap::new(),
        extensions: http::Extensions::new(),
        credentials: None,
        region: None,
        service: None,
        trailing_headers: None,
    }
}

/// Runs a write to its end even when its client hangs up in between.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = S3Result<T>> + Send + 'static) -> S3Result<T> {
    tokio::spawn(work)
        .await
        .map_err(|error| s3_error!(error, InternalError))?
}

macro_rules! guarded_s3 {
    ($($method:ident: $input:ident => $output:ident,)* ; $($rest:tt)*) => {
        #[async_trait::async_trait]
        impl S3 for GuardedS3 {
            $(async fn $method(&self, req: S3Request<$input>) -> S3Result<S3Response<$output>> {
                self.files.$method(req).await
            })*
            $($rest)*
        }
    };
}

guarded_s3! {
    delete_bucket: DeleteBucketInput => DeleteBucketOutput,
    get_bucket_location: GetBucketLocationInput => GetBucketLocationOutput,
    get_object: GetObjectInput => GetObjectOutput,
    head_bucket: HeadBucketInput => HeadBucketOutput,
    head_object: HeadObjectInput => HeadObjectOutput,
    list_buckets: ListBucketsInput => ListBucketsOutput,
    list_objects: ListObjectsInput => ListObjectsOutput,
    list_objects_v2: ListObjectsV2Input => ListObjectsV2Output,
    list_parts: ListPartsInput => ListPartsOutput,
    upload_part: UploadPartInput => UploadPartOutput,
    upload_part_copy: UploadPartCopyInput => UploadPartCopyOutput,
    ;
    async fn create_bucket(&self, req: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        // There is one account, so that a bucket that exists is its own.
        self.files.create_bucket(req).await.map_err(|error| match error.code() {
            S3ErrorCode::BucketAlreadyExists => s3_error!(BucketAlreadyOwnedByYou),
            _ => error,
        })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        // There is one account, so that an upload that is not its own is none: given up, or completed.
        self.files.abort_multipart_upload(req).await.map_err(|error| match error.code() {
            S3ErrorCode::AccessDenied => s3_error!(NoSuchUpload),
            _ => error,
        })
    }

    async fn put_object(&self, req: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        self.check_target(&req.input.bucket, &req.input.key).await?;
        to_the_end(self.clone().put_staged(req)).await
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.check_target(&req.input.bucket, &req.input.key).await?;
        self.files.create_multipart_upload(req).await
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.check_target(&req.input.bucket, &req.input.key).await?;
        to_the_end(self.clone().complete(req)).await
    }

    async fn copy_object(&self, req: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        self.check_target(&req.input.bucket, &req.input.key).await?;
        if req.headers.contains_key("if-match") || req.headers.contains_key("if-none-match") {
            return Err(s3_error!(NotImplemented, "CopyObject takes no condition on its target in the local S3"));
        }
        let this = self.clone();
        to_the_end(async move {
            let _turn = this.locks.lock(&req.input.bucket, [req.input.key.as_str()]).await;
            this.files.copy_object(req).await
        })
        .await
    }

    async fn delete_object(&self, req: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let this = self.clone();
        to_the_end(async move {
            let (bucket, key) = (req.input.bucket.clone(), req.input.key.clone());
            let condition = Condition {
                if_match: req.input.if_match.clone(),
                if_none_match: None,
            };
            let _turn = this.locks.lock(&bucket, [key.as_str()]).await;
            this.check_condition(&bucket, &key, &condition).await?;
            let req = req.map_input(|input| DeleteObjectInput {
                if_match: None,
                ..input
            });
            this.files.delete_object(req).await
        })
        .await
    }

    async fn delete_objects(&self, req: S3Request<DeleteObjectsInput>) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let this = self.clone();
        to_the_end(async move {
            let keys = req.input.delete.objects.iter().map(|object| object.key.as_str());
            let _turn = this.locks.lock(&req.input.bucket, keys).await;
            this.files.delete_objects(req).await
        })
        .await
    }
}
