//! Buckets.

use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};

use super::{Clients, ProvisionError};
use crate::template::{Bucket, REGION};

const KIND: &str = "bucket";

pub(super) async fn ensure(clients: &Clients, bucket: &Bucket) -> Result<(), ProvisionError> {
    match clients.s3.head_bucket().bucket(&bucket.name).send().await {
        Ok(_) => return Ok(()),
        Err(error)
            if error
                .raw_response()
                .is_some_and(|response| response.status().as_u16() == 404) => {}
        Err(error) => return Err(ProvisionError::refused("find", KIND, &bucket.id, &error)),
    }
    let location = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::from(REGION));
    let request = clients
        .s3
        .create_bucket()
        .bucket(&bucket.name)
        .create_bucket_configuration(location.build());
    request
        .send()
        .await
        .map_err(|error| ProvisionError::refused("create", KIND, &bucket.id, &error))?;
    Ok(())
}
