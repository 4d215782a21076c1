//! Holders of the lease that die, hang, or never hear what the provider answered.

use std::collections::BTreeSet;
use std::time::Duration;

use lanyard::database::identity::Status;
use lanyard::demo::provider::{Broken, RefreshFault, Times};
use rstest::rstest;
use serde_json::json;

use super::account::{Account, Read, counts, is_good, one_code, one_token};
use super::fleet::{Fleet, Member, apps};
use crate::flows::ACME;
use crate::support::app::{App, Db};
use crate::support::until::until;
use crate::support::world::World;

const CALLERS: usize = 64;
const SOON: Duration = Duration::from_secs(30);

/// The holder asks the provider, as this fault wants it; once it has, `happens`; and all others
/// want the token meanwhile. What the callers of the holder get, and those of the others.
async fn in_the_middle(
    world: &World,
    account: &Account,
    fault: RefreshFault,
    holder: &App,
    others: &[&App],
    happens: impl Future<Output = ()>,
) -> [Vec<Option<Read>>; 2] {
    account.expire(&world.app).await;
    let before = counts(world).refreshes;
    world.provider.fault(ACME, fault, Times::Once);
    let begin = account.read_by_many(std::slice::from_ref(&holder), CALLERS);
    let go_on = async {
        until("the provider is asked", SOON, async || {
            counts(world).refreshes > before
        })
        .await;
        let (reads, ()) = tokio::join!(account.read_by_many(others, CALLERS), happens);
        reads
    };
    tokio::join!(begin, go_on).into()
}

async fn kill(member: &mut Member) {
    member.process.child.kill().await.unwrap();
}

#[tokio::test]
async fn processes_that_are_killed_before_the_provider_has_acted_take_nothing_with_them() {
    let Fleet { world, mut members } = Fleet::start(8).await;
    let account = Account::new(&world).await;
    for round in 1..=3 {
        let mut doomed = members.pop().unwrap();
        let mut bystander = members.pop().unwrap();
        let before = counts(&world);
        // Whatever it is asked, it does nothing.
        let hangs = RefreshFault::Broken(Broken::Hangs);
        let Member { app, process } = &mut doomed;
        let death = async {
            process.child.kill().await.unwrap();
            kill(&mut bystander).await;
            account.end_lease(&world.app).await;
        };
        let [lost, reads] =
            in_the_middle(&world, &account, hangs, app, &apps(&members), death).await;
        assert!(lost.iter().all(Option::is_none), "round {round}: {lost:?}");
        let token = one_token(reads);
        assert!(is_good(&world, &token).await, "round {round}");
        let after = counts(&world);
        assert_eq!(after.refreshes, before.refreshes + 2, "round {round}");
        assert_eq!(after.reuses, 0);
    }
    assert_eq!(account.stored(&world.app).await.0.status, Status::Valid);
}

/// In every second round the one that asks the provider is killed before the provider has acted,
/// and another process takes its place.
#[tokio::test]
async fn many_rounds_go_on_with_processes_killed_in_the_middle() {
    const ROUNDS: u64 = 10;
    let mut fleet = Fleet::start(8).await;
    let account = Account::new(&fleet.world).await;
    let mut seen = BTreeSet::new();
    for round in 1..=ROUNDS {
        let reads = if round % 2 == 0 {
            let Member { app, mut process } = fleet.members.remove(0);
            // Longer than this test takes: whoever was killed has spent nothing.
            let slow = RefreshFault::Broken(Broken::Delay(Duration::from_mins(10)));
            let death = async {
                process.child.kill().await.unwrap();
                account.end_lease(&fleet.world.app).await;
            };
            let [lost, reads] =
                in_the_middle(&fleet.world, &account, slow, &app, &fleet.apps(), death).await;
            assert!(lost.iter().all(Option::is_none), "round {round}: {lost:?}");
            fleet.grow().await;
            reads
        } else {
            account.expire(&fleet.world.app).await;
            account.read_by_many(&fleet.apps(), CALLERS).await
        };
        let token = one_token(reads);
        assert!(is_good(&fleet.world, &token).await, "round {round}");
        assert!(seen.insert(token), "round {round} has brought an old token");
        // Those that were killed have asked, too.
        let asked = counts(&fleet.world);
        assert_eq!((asked.refreshes, asked.reuses), (round + round / 2, 0));
    }
    let (identity, credential) = account.stored(&fleet.world.app).await;
    assert_eq!((identity.status, identity.version), (Status::Valid, 1));
    assert_eq!((credential.failures, credential.lease_until), (0, None));
    let leases = i64::try_from(ROUNDS + ROUNDS / 2).unwrap();
    assert_eq!(
        (credential.lease_fence, credential.token_fence),
        (leases, leases)
    );
    assert_eq!(fleet.members.len(), 8);
}

/// The protocol has no answer to this one: the only token that the provider takes from now on has
/// died with the process. Providers that forgive have one.
#[rstest]
#[tokio::test]
async fn a_process_that_is_killed_after_the_provider_has_acted_takes_the_token_with_it(
    #[values(false, true)] is_forgiven: bool,
) {
    let Fleet { world, mut members } = Fleet::start(4).await;
    let account = Account::new(&world).await;
    if is_forgiven {
        let forgiven = RefreshFault::SpentIsForgiven;
        world.provider.fault(ACME, forgiven, Times::Always);
    }
    let mut doomed = members.pop().unwrap();
    let late = RefreshFault::AnswersLate(Duration::from_mins(1));
    let Member { app, process } = &mut doomed;
    let death = async {
        process.child.kill().await.unwrap();
        account.end_lease(&world.app).await;
    };
    let [lost, reads] = in_the_middle(&world, &account, late, app, &apps(&members), death).await;
    assert!(lost.iter().all(Option::is_none), "{lost:?}");
    is_settled(&world, &account, reads, is_forgiven).await;
    assert_eq!(counts(&world).refreshes, 2);
}

#[rstest]
#[tokio::test]
async fn an_answer_that_is_lost_takes_the_token_with_it(
    #[values(Db::Sqlite, Db::Postgres)] on: Db,
    #[values(false, true)] is_forgiven: bool,
) {
    let world = World::start(on).await;
    let account = Account::new(&world).await;
    if is_forgiven {
        let forgiven = RefreshFault::SpentIsForgiven;
        world.provider.fault(ACME, forgiven, Times::Always);
    }
    account.expire(&world.app).await;
    let lost = RefreshFault::LosesAnswer;
    world.provider.fault(ACME, lost, Times::Once);
    let reads = account.read_by_many(&[&world.app], CALLERS).await;
    // For all that is known, the provider will have a token later.
    assert_eq!(one_code(reads), "PROVIDER_UNAVAILABLE");
    let (identity, credential) = account.stored(&world.app).await;
    assert_eq!((identity.status, credential.failures), (Status::Valid, 1));
    assert!(credential.next_attempt_at.is_some());
    assert_eq!(counts(&world).refreshes, 1, "one try, and then a pause");

    account.try_again(&world.app).await;
    let reads = account.read_by_many(&[&world.app], CALLERS).await;
    is_settled(&world, &account, reads, is_forgiven).await;
    assert_eq!(counts(&world).refreshes, 2);
}

/// What a spent refresh token leads to.
async fn is_settled(world: &World, account: &Account, reads: Vec<Option<Read>>, is_forgiven: bool) {
    let (identity, credential) = account.stored(&world.app).await;
    if is_forgiven {
        let token = one_token(reads);
        assert!(is_good(world, &token).await);
        assert_eq!(identity.status, Status::Valid);
        assert_eq!((credential.failures, counts(world).reuses), (0, 0));
        return;
    }
    assert_eq!(one_code(reads), "CREDENTIAL_INVALID");
    assert_eq!(identity.status, Status::Invalid);
    assert_eq!(credential.failure_reason.as_deref(), Some("invalid_grant"));
    assert_eq!(counts(world).reuses, 1, "nobody insists");
    let asked = counts(world);
    let reads = account.read_by_many(&[&world.app], CALLERS).await;
    assert_eq!(one_code(reads), "CREDENTIAL_INVALID");
    assert_eq!(counts(world), asked, "nobody asks any more");
    let query = "query($id: ID!) { identity(filter: { id: $id }) {
        status credential { failureReason nextAttemptAt } } }";
    let data = world.app.ask(query).variables(json!({ "id": account.id }));
    let expected = json!({
        "status": "INVALID",
        "credential": { "failureReason": "invalid_grant", "nextAttemptAt": null },
    });
    assert_eq!(data.data().await["identity"], expected);
}

#[tokio::test]
async fn a_late_answer_is_not_written_over_a_newer_one() {
    let Fleet { world, mut members } = Fleet::start(2).await;
    let account = Account::new(&world).await;
    let forgiven = RefreshFault::SpentIsForgiven;
    world.provider.fault(ACME, forgiven, Times::Always);
    let Member { app, process } = members.pop().unwrap();
    let others = apps(&members);
    // The holder stops between its question and the answer.
    let late = RefreshFault::AnswersLate(Duration::from_secs(2));
    let hang = async {
        process.signal("STOP").await;
        account.end_lease(&world.app).await;
        until("another one has refreshed", SOON, async || {
            account.stored(&world.app).await.1.token_fence == 2
        })
        .await;
        process.signal("CONT").await;
    };
    let [of_holder, of_others] = in_the_middle(&world, &account, late, &app, &others, hang).await;
    let token = one_token(of_others);
    let (_, stored) = account.stored(&world.app).await;
    assert_eq!(one_token(of_holder), token, "the newer one is for all");
    assert!(is_good(&world, &token).await);
    assert_eq!(counts(&world).refreshes, 2, "it was asked by both");
    assert_eq!((stored.token_fence, stored.lease_fence), (2, 2));
    let again = account.read_by_many(&[&app, others[0]], 1).await;
    assert_eq!(one_token(again), token);
    assert_eq!(account.stored(&world.app).await.1, stored);
}
