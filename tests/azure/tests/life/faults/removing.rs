//! What `azd down` leaves, and the one command that takes it.

use scripted_azure::Fault;

use super::{DOWN, PROVISION};
use crate::rehearsal::Rehearsal;

/// An account that is deleted and not purged holds its name: one command frees it, and the next deployment succeeds.
pub(super) async fn without_purge(life: &Rehearsal) {
    let down = life.azd(&["down", "--force", "--no-prompt"]).await.expect("azd down without --purge");
    assert!(down.text.contains("cargo xtask deploy purge"), "{}", down.text);
    assert_eq!(life.azure.state().deleted_accounts.len(), 1);
    life.azd(&PROVISION).await.fails("FlagMustBeSetForRestore");
    life.hook("purge").await.expect("cargo xtask deploy purge");
    life.azd(&PROVISION).await.expect("azd provision after the purge");
}

/// A group that Azure does not delete, and then an account that it does not purge.
pub(super) async fn refused(life: &Rehearsal) {
    let deployed = life.environment_file("chat");
    life.azure.fault(Fault::refusal("DELETE", "/resourcegroups/rg-chat?", 409, "ScopeLocked", "There is a lock."));
    let locked = life.azd(&DOWN).await;
    locked.fails("ScopeLocked");
    assert!(!life.azure.state().applications.is_empty(), "the registration goes last");
    assert_eq!(life.environment_file("chat"), deployed, "the outputs are there for the next");
    life.azure.cure();

    life.azure.fault(Fault::refusal("DELETE", "/deletedAccounts/", 409, "AnotherOperationInProgress", "Not now."));
    life.azd(&DOWN).await.fails("AnotherOperationInProgress");
    life.azure.cure();
    // azd forgets what it did not purge: it would report success and purge nothing.
    life.azd(&DOWN).await.fails("cargo xtask deploy purge");
    assert_eq!(life.azure.state().deleted_accounts.len(), 1);
    life.hook("after-down").await.expect("cargo xtask deploy after-down");
    life.hook("purge").await.expect("cargo xtask deploy purge");
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
    life.azd(&PROVISION).await.expect("azd provision after the purge");
}

/// azd fails for ever on a group that is gone; what to do instead is said, and leaves nothing.
pub(super) async fn by_hand(life: &Rehearsal) {
    assert!(life.azure.state().delete_group("rg-chat"));
    life.azd(&DOWN).await.fails("cargo xtask deploy after-down");
    life.hook("after-down").await.expect("cargo xtask deploy after-down");
    life.hook("purge").await.expect("cargo xtask deploy purge");
    assert!(life.azure.state().is_empty(), "{:#?}", life.azure.state());
}
