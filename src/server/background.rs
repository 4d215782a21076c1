//! Work beside the answering of requests: each kind again and again, until the server ends.

use std::convert::Infallible;
use std::time::Duration;

use crate::error::Error;

/// Does the work, and again so long after it is done. What it fails with is told to the log.
pub async fn every<F>(period: Duration, what: &'static str, work: impl Fn() -> F) -> Infallible
where
    F: Future<Output = Result<(), Error>>,
{
    loop {
        if let Err(error) = work().await {
            tracing::warn!(error = %error, "{what} could not be done; trying again");
        }
        tokio::time::sleep(period).await;
    }
}
