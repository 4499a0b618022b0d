//! The local Secrets Manager as the official SDK sees it.

mod aws_support;

use aws_sdk_secretsmanager::error::ProvideErrorMetadata;
use aws_support::Stack;
use treue_local::aws::SecretRules;

#[tokio::test]
async fn a_generated_secret_is_read_by_name_and_arn_and_never_generated_again() {
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::on_disk(folder.path()).await;
    let arn = stack
        .endpoints
        .generate_secret("treue/pepper", &SecretRules::default())
        .await
        .unwrap();
    assert_eq!(
        arn,
        "arn:aws:secretsmanager:eu-central-2:000000000000:secret:treue/pepper"
    );
    let client = stack.secrets();
    let by_arn = client.get_secret_value().secret_id(&arn).send().await.unwrap();
    let by_name = client
        .get_secret_value()
        .secret_id("treue/pepper")
        .send()
        .await
        .unwrap();
    assert_eq!(by_arn.secret_string().unwrap().len(), 32);
    assert_eq!(by_arn.secret_string(), by_name.secret_string());
    assert_eq!(by_arn.arn(), Some(arn.as_str()));
    stack.stop().await;

    let stack = Stack::on_disk(folder.path()).await;
    stack
        .endpoints
        .generate_secret("treue/pepper", &SecretRules::default())
        .await
        .unwrap();
    let again = stack.secrets().get_secret_value().secret_id(&arn).send().await.unwrap();
    assert_eq!(again.secret_string(), by_arn.secret_string());
    assert_eq!(again.version_id(), by_arn.version_id());
    stack.stop().await;
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_of_secrets_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let stack = Stack::on_disk(folder.path()).await;
    for name in ["a", "b"] {
        stack
            .endpoints
            .generate_secret(name, &SecretRules::default())
            .await
            .unwrap();
        let mode = std::fs::metadata(folder.path().join("secrets.json"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    stack.stop().await;
}

#[tokio::test]
async fn a_secret_is_created_once_and_described_without_its_value() {
    let stack = Stack::memory().await;
    let client = stack.secrets();
    client
        .create_secret()
        .name("s")
        .secret_string("value")
        .description("d")
        .send()
        .await
        .unwrap();
    let twice = client
        .create_secret()
        .name("s")
        .secret_string("other")
        .send()
        .await
        .unwrap_err();
    assert!(twice.into_service_error().is_resource_exists_exception());
    let described = client.describe_secret().secret_id("s").send().await.unwrap();
    assert_eq!(described.description(), Some("d"));
    assert!(!format!("{described:?}").contains("value\""));
    let missing = client.get_secret_value().secret_id("missing").send().await.unwrap_err();
    assert!(missing.into_service_error().is_resource_not_found_exception());
    let stage = client
        .get_secret_value()
        .secret_id("s")
        .version_stage("AWSPREVIOUS")
        .send()
        .await
        .unwrap_err();
    assert!(stage.into_service_error().is_resource_not_found_exception());
    let rotation = client.rotate_secret().secret_id("s").send().await.unwrap_err();
    assert!(rotation.message().unwrap().contains("RotateSecret"), "{rotation:?}");
    stack.stop().await;
}
