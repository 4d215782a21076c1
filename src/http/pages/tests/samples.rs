//! Every page with the views it may be given: the usual ones, empty ones and hostile ones.

use chrono::{DateTime, TimeDelta};
use url::Url;

use super::super::*;
use crate::clock::Time;

/// Longer than any line, without a place to break it.
pub const LONG: &str = concat!(
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
    "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
    "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee",
);
/// Ends what it stands in, begins what it likes, and turns the rest around.
pub const HOSTILE: &str =
    "\u{202e}evil\"'></bdi></title><script>alert(1)</script><img src=x onerror=alert(1)>";

const REQUEST: &str = "019aa9f0c1d27d3e8f6a5b4c3d2e1f00";
const IDENTITY: &str = "identity_01h455vb4pex5vsknk084sn02q";
const ACME: Provider<'_> = Provider {
    slug: "acme",
    name: "Acme",
};
const HUB: Provider<'_> = Provider {
    slug: "hub",
    name: "Hub",
};
const BAD: Provider<'_> = Provider {
    slug: "bad",
    name: HOSTILE,
};
const WIDE: Provider<'_> = Provider {
    slug: "wide",
    name: LONG,
};
const PERSON: Person<'_> = Person {
    display_name: Some("Mira Okafor"),
    entity_ref: "user:default/mira",
    email: Some("mira@acme.example"),
    email_verified: Some(true),
};
const BARE: Person<'_> = Person {
    display_name: None,
    entity_ref: "user:default/mira",
    email: None,
    email_verified: None,
};
const EVIL: Person<'_> = Person {
    display_name: Some(HOSTILE),
    entity_ref: LONG,
    email: Some(LONG),
    email_verified: Some(false),
};

/// Each page by a name.
pub fn samples() -> Vec<(String, Page)> {
    let mut samples = Vec::new();
    let mut add = |name: &str, page: Page| samples.push((name.to_owned(), page));
    starts(&mut add);
    sign_ins(&mut add);
    links(&mut add);
    accounts(&mut add);
    disconnects(&mut add);
    connects(&mut add);
    founds(&mut add);
    for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
        let words = refusal.words();
        let view = Refused {
            refusal,
            provider: (index % 2 == 0).then_some("Acme"),
            again: Some(FlowLink {
                slug: "acme",
                intent: Intent::SignIn,
                return_to: "/graphiql",
                update_in_place: false,
            }),
            signed_in: refusal == Refusal::UserHasAnotherAccount,
            request_id: REQUEST,
        };
        add(
            &format!("refused-{index:02}-{}", words.code),
            refused(&view),
        );
    }
    let view = Refused {
        refusal: Refusal::NotFound,
        provider: Some(HOSTILE),
        again: None,
        signed_in: false,
        request_id: REQUEST,
    };
    add("refused-hostile", refused(&view));
    samples
}

fn starts(add: &mut impl FnMut(&str, Page)) {
    let signed_out = Start {
        signed_in: None,
        can_sign_in: true,
        signed_out: true,
    };
    add("start-out", start(&signed_out));
    let empty = Start {
        can_sign_in: false,
        signed_out: false,
        ..signed_out
    };
    add("start-empty", start(&empty));
    for (name, person) in [("start-in", "Mira Okafor"), ("start-hostile", HOSTILE)] {
        let view = Start {
            signed_in: Some(person),
            can_sign_in: true,
            signed_out: false,
        };
        add(name, start(&view));
    }
}

fn sign_ins(add: &mut impl FnMut(&str, Page)) {
    for (name, providers, notice) in [
        ("sign-in", &[ACME, HUB][..], None),
        ("sign-in-empty", &[], None),
        (
            "sign-in-hostile",
            &[ACME, BAD, WIDE],
            Some(SignInNotice::SessionEnded),
        ),
    ] {
        let view = SignIn {
            providers,
            return_to: "/graphiql?query={viewer{__typename}}&x=\"'<>",
            notice,
        };
        add(name, sign_in(&view));
    }
    for (name, provider, known) in [
        ("sign-in-first", HUB, &[ACME][..]),
        ("sign-in-first-empty", HUB, &[]),
        ("sign-in-first-hostile", BAD, &[WIDE]),
    ] {
        let view = SignInFirst {
            provider,
            known,
            return_to: "/account",
            request_id: REQUEST,
        };
        add(name, sign_in_first(&view));
    }
}

fn links(add: &mut impl FnMut(&str, Page)) {
    let first = LinkConfirm {
        provider: HUB,
        person: PERSON,
        allows_sign_in: true,
        scopes: &["openid", "email", "profile"],
        on_conflict: OnConflict::Fail,
        return_to: "/account",
        form_token: "token",
    };
    add("link-confirm", link_confirm(&first));
    let replacing = LinkConfirm {
        on_conflict: OnConflict::UpdateInPlace {
            connected: Some("mira.o"),
        },
        ..first
    };
    add("link-confirm-replacing", link_confirm(&replacing));
    let hostile = LinkConfirm {
        provider: BAD,
        person: EVIL,
        scopes: &[LONG, HOSTILE],
        on_conflict: OnConflict::UpdateInPlace {
            connected: Some(HOSTILE),
        },
        return_to: "/account?x=\"><script>",
        ..first
    };
    add("link-confirm-hostile", link_confirm(&hostile));
    let url = Url::parse("https://hub.example/authorize?state=a&x='\"<>;0").unwrap();
    for (name, to, signed_in) in [
        ("leave", "Hub", true),
        ("leave-hostile", HOSTILE, false),
        ("leave-wide", LONG, false),
    ] {
        let view = Leave {
            to,
            url: &url,
            signed_in,
        };
        add(name, leave(&view));
    }
}

fn connects(add: &mut impl FnMut(&str, Page)) {
    let usual = ConnectConfirm {
        application: "Portal",
        provider: HUB,
        person: BARE,
        signed_in_as: None,
        signed_in: false,
        scopes: &["openid", "email"],
        replaces: false,
        return_to: "https://portal.example/accounts?x=1",
        action: "/connect/dG9rZW4",
        form_token: "token",
    };
    add("connect-confirm", connect_confirm(&usual));
    let somebody_else = ConnectConfirm {
        signed_in_as: Some(PERSON),
        signed_in: true,
        scopes: &[],
        replaces: true,
        ..usual
    };
    add("connect-confirm-else", connect_confirm(&somebody_else));
    let hostile = ConnectConfirm {
        application: HOSTILE,
        provider: BAD,
        person: EVIL,
        signed_in_as: Some(EVIL),
        scopes: &[LONG, HOSTILE],
        return_to: HOSTILE,
        form_token: HOSTILE,
        ..somebody_else
    };
    add("connect-confirm-hostile", connect_confirm(&hostile));
}

fn founds(add: &mut impl FnMut(&str, Page)) {
    let usual = AccountFound {
        provider: HUB,
        account: FoundAccount {
            external_id: "4711",
            username: Some("mira"),
            display_name: Some("Mira Okafor"),
            email: Some("mira@hub.example"),
        },
        person: PERSON,
        application: None,
        allows_sign_in: true,
        replaces: false,
        signed_in: true,
        action: "/connect/found/019aa9f0c1d27d3e8f6a5b4c3d2e1f00",
        form_token: "token",
    };
    add("account-found", account_found(&usual));
    let bare = AccountFound {
        account: FoundAccount {
            external_id: "4711",
            username: Some(" "),
            display_name: None,
            email: None,
        },
        person: BARE,
        application: Some("Portal"),
        allows_sign_in: false,
        replaces: true,
        signed_in: false,
        ..usual
    };
    add("account-found-application", account_found(&bare));
    let hostile = AccountFound {
        provider: BAD,
        account: FoundAccount {
            external_id: LONG,
            username: Some(HOSTILE),
            display_name: Some(LONG),
            email: Some(HOSTILE),
        },
        person: EVIL,
        application: Some(HOSTILE),
        form_token: HOSTILE,
        ..bare
    };
    add("account-found-hostile", account_found(&hostile));
}

fn accounts(add: &mut impl FnMut(&str, Page)) {
    let since = DateTime::from_timestamp(1_795_330_000, 0).unwrap();
    let linked = [
        LinkedAccount {
            provider: ACME,
            external_id: "00u1",
            username: Some("mira"),
            display_name: Some("Mira Okafor"),
            email: Some("mira@acme.example"),
            email_verified: Some(true),
            state: AccountState::Good,
            primary: true,
            since,
            removal: Removal::Allowed {
                identity: IDENTITY.to_owned(),
            },
        },
        LinkedAccount {
            provider: HUB,
            external_id: "4711",
            username: None,
            display_name: None,
            email: Some("m.okafor@hub.example"),
            email_verified: Some(false),
            state: AccountState::Broken,
            primary: false,
            since: since + TimeDelta::hours(30),
            removal: Removal::OnlyWayIn,
        },
    ];
    let sessions = [
        Session {
            this_one: true,
            user_agent: Some(
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            ),
            provider: Some("Acme"),
            signed_in_at: since,
            last_seen_at: since + TimeDelta::minutes(90),
        },
        Session {
            this_one: false,
            user_agent: None,
            provider: None,
            signed_in_at: since,
            last_seen_at: since,
        },
    ];
    let full = Account {
        person: PERSON,
        linked: &linked,
        connectable: &[Provider {
            slug: "tracker",
            name: "Tracker",
        }],
        sessions: &sessions,
        notice: Some(AccountNotice::Connected { provider: "Hub" }),
        form_token: "token",
        elsewhere_token: "token",
    };
    add("account", account(&full));
    for (name, notice) in [
        ("account-disconnected", AccountNotice::Disconnected),
        ("account-elsewhere", AccountNotice::SignedOutElsewhere),
    ] {
        let view = Account {
            notice: Some(notice),
            linked: &linked,
            sessions: &sessions,
            ..full
        };
        add(name, account(&view));
    }
    let empty = Account {
        person: BARE,
        linked: &[],
        connectable: &[],
        sessions: &[],
        notice: None,
        form_token: "token",
        elsewhere_token: "token",
    };
    add("account-empty", account(&empty));
    add("account-hostile", hostile_account(since));
}

fn hostile_account(since: Time) -> Page {
    let linked = [
        LinkedAccount {
            provider: BAD,
            external_id: LONG,
            username: Some(HOSTILE),
            display_name: Some(LONG),
            email: Some(LONG),
            email_verified: Some(false),
            state: AccountState::Broken,
            primary: true,
            since,
            removal: Removal::Allowed {
                identity: IDENTITY.to_owned(),
            },
        },
        LinkedAccount {
            provider: WIDE,
            external_id: LONG,
            username: None,
            display_name: Some(" "),
            email: None,
            email_verified: None,
            state: AccountState::Unchecked,
            primary: true,
            since,
            removal: Removal::OrganizationAsks,
        },
    ];
    let sessions = [HOSTILE, LONG].map(|sent| Session {
        this_one: true,
        user_agent: Some(sent),
        provider: Some(LONG),
        signed_in_at: since,
        last_seen_at: since,
    });
    account(&Account {
        person: EVIL,
        linked: &linked,
        connectable: &[BAD, WIDE],
        sessions: &sessions,
        notice: Some(AccountNotice::Replaced { provider: HOSTILE }),
        form_token: HOSTILE,
        elsewhere_token: HOSTILE,
    })
}

fn disconnects(add: &mut impl FnMut(&str, Page)) {
    let usual = DisconnectConfirm {
        provider: HUB,
        account: "mira.o",
        identity: IDENTITY,
        signs_in: true,
        acting: 2,
        revokes: true,
        form_token: "token",
    };
    add("disconnect-confirm", disconnect_confirm(&usual));
    for (name, acting) in [("disconnect-confirm-no", 0), ("disconnect-confirm-one", 1)] {
        let view = DisconnectConfirm {
            signs_in: false,
            acting,
            revokes: false,
            ..usual
        };
        add(name, disconnect_confirm(&view));
    }
    for (name, provider, account) in [
        ("disconnect-confirm-hostile", BAD, HOSTILE),
        ("disconnect-confirm-wide", WIDE, LONG),
    ] {
        let view = DisconnectConfirm {
            provider,
            account,
            ..usual
        };
        add(name, disconnect_confirm(&view));
    }
}
