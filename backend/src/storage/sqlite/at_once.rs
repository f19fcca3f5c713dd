use std::{
    pin::pin,
    task::{Context, Poll, Waker},
};

use super::StorageError;
use crate::storage::error::unavailable;

/// Runs a unit to its end on this thread. Its statements never wait here; one that waits for something else would hold the thread for good, so it is
/// given up instead.
pub(super) fn at_once<T>(unit: impl Future<Output = Result<T, StorageError>>) -> Result<T, StorageError> {
    match pin!(unit).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Err(unavailable(
            "a unit of work waited for something else than its statements",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_waits_is_given_up() {
        assert!(at_once(std::future::pending::<Result<(), _>>()).is_err());
        assert_eq!(at_once(async { Ok(7) }).unwrap(), 7);
    }
}
