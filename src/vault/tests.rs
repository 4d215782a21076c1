//! What is sealed opens in its place, under its key, and nowhere else.

mod passing;
mod turns;

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

fn vault(key: u8) -> Vault {
    Vault::new(
        KeyRing::new(MasterKey::new([key; 32]), Vec::new()),
        Clock::default(),
    )
}

const PLACE: Place<'static> = Place {
    table: "credential",
    row: b"row-1",
    column: "access_token_sealed",
};

#[test]
fn a_value_opens_in_its_place_and_nowhere_else() {
    let vault = vault(1);
    let sealed = vault.sealing_for_tests().seal(&PLACE, b"token");
    assert_eq!(
        vault.open(&PLACE, &sealed).as_deref().map(Vec::as_slice),
        Ok(&b"token"[..])
    );
    for elsewhere in [
        Place {
            table: "secret",
            ..PLACE
        },
        Place {
            row: b"row-2",
            ..PLACE
        },
        Place {
            column: "refresh_token_sealed",
            ..PLACE
        },
        // The parts are delimited: no shift of a letter between them makes the same place.
        Place {
            table: "credentialr",
            row: b"ow-1",
            ..PLACE
        },
    ] {
        assert_eq!(
            vault.open(&elsewhere, &sealed),
            Err(OpenError::NotAuthentic)
        );
    }
}

#[test]
fn the_same_value_never_looks_the_same_and_never_shows() {
    let vault = vault(1);
    let (first, second) = (
        vault.sealing_for_tests().seal(&PLACE, b"canary"),
        vault.sealing_for_tests().seal(&PLACE, b"canary"),
    );
    assert_ne!(first, second);
    assert!(
        !first
            .as_bytes()
            .windows(6)
            .any(|window| window == b"canary")
    );
    assert!(!format!("{first:?}{vault:?}").contains("canary"));
}

#[test]
fn another_key_is_named_not_tried() {
    let sealed = vault(1).sealing_for_tests().seal(&PLACE, b"token");
    let id = MasterKey::new([1; 32]).id().to_owned();
    assert_eq!(
        vault(2).open(&PLACE, &sealed),
        Err(OpenError::UnknownKey(id))
    );
}

#[test]
fn another_key_of_the_ring_opens_what_it_has_sealed() {
    let sealed = vault(1).sealing_for_tests().seal(&PLACE, b"token");
    let keys = KeyRing::new(MasterKey::new([2; 32]), vec![MasterKey::new([1; 32])]);
    let rotated = Vault::new(keys, Clock::default());
    assert!(rotated.open(&PLACE, &sealed).is_ok());
    let anew = rotated.sealing_for_tests().seal(&PLACE, b"token");
    assert!(
        vault(2).open(&PLACE, &anew).is_ok(),
        "the current key seals"
    );
}

#[test]
fn every_changed_or_missing_byte_is_noticed() {
    let vault = vault(1);
    let sealed = vault.sealing_for_tests().seal(&PLACE, b"token");
    let bytes = sealed.as_bytes();
    for index in 0..bytes.len() {
        let mut changed = bytes.to_vec();
        changed[index] ^= 1;
        assert!(
            vault.open(&PLACE, &Sealed::new(changed)).is_err(),
            "byte {index}"
        );
        assert!(
            vault
                .open(&PLACE, &Sealed::new(bytes[..index].to_vec()))
                .is_err()
        );
    }
}

#[test]
fn rewrapped_it_is_the_other_keys_and_the_same_value_in_the_same_place() {
    let (old, new) = (MasterKey::new([1; 32]), MasterKey::new([2; 32]));
    let sealed = vault(1).sealing_for_tests().seal(&PLACE, b"token");
    let clock = Clock::default();
    let rewrap = |place: &Place<'_>| {
        let envelope = Envelope::of(&sealed).unwrap();
        envelope.rewrap(&old, &new, place, &clock)
    };
    let passed = rewrap(&PLACE).unwrap();
    assert_eq!(key_of(&passed), Ok(new.id()));
    assert_eq!(
        vault(2).open(&PLACE, &passed).as_deref().map(Vec::as_slice),
        Ok(&b"token"[..])
    );
    assert_eq!(
        vault(1).open(&PLACE, &passed),
        Err(OpenError::UnknownKey(new.id().to_owned()))
    );
    // The sealed value itself is the same, to the byte.
    let value = |sealed: &Sealed| sealed.as_bytes()[sealed.as_bytes().len() - 33..].to_vec();
    assert_eq!(value(&passed), value(&sealed));
    let elsewhere = Place {
        row: b"row-2",
        ..PLACE
    };
    assert_eq!(rewrap(&elsewhere), Err(OpenError::NotAuthentic));
}

#[test]
fn a_key_that_is_missing_is_looked_for_and_not_all_the_time() {
    let clock = Clock::default();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let has_more = Arc::new(AtomicUsize::new(0));
    let more = Arc::clone(&has_more);
    let source: KeySource = Arc::new(move || {
        counter.fetch_add(1, Ordering::Relaxed);
        match more.load(Ordering::Relaxed) {
            0 => Err("the folder is away".to_owned()),
            // What is there now isn't what was there at the start.
            _ => Ok(KeyRing::new(MasterKey::new([2; 32]), Vec::new())),
        }
    });
    let first = KeyRing::new(MasterKey::new([1; 32]), Vec::new());
    let growing = Vault::growing(first, source, clock.clone());
    let ours = vault(1).sealing_for_tests().seal(&PLACE, b"one");
    let later = vault(2).sealing_for_tests().seal(&PLACE, b"two");
    let unknown = Err(OpenError::UnknownKey(
        MasterKey::new([2; 32]).id().to_owned(),
    ));
    assert!(growing.open(&PLACE, &ours).is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nothing was missing");
    for _ in 0..3 {
        assert_eq!(growing.open(&PLACE, &later), unknown);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    has_more.store(1, Ordering::Relaxed);
    assert_eq!(growing.open(&PLACE, &later), unknown, "it is patient");
    clock.advance(TimeDelta::seconds(3));
    assert!(growing.open(&PLACE, &later).is_ok());
    assert_eq!(asked.load(Ordering::Relaxed), 2);
    assert!(growing.open(&PLACE, &ours).is_ok(), "what it has, it keeps");
}

#[test]
fn a_ring_has_each_key_once() {
    let keys = [1, 2, 1, 3, 2].map(|byte| MasterKey::new([byte; 32]));
    let ids: Vec<String> = keys.iter().map(|key| key.id().to_owned()).collect();
    let ring = KeyRing::of(keys).unwrap();
    assert_eq!(ring.ids(), [&*ids[0], &*ids[1], &*ids[3]]);
    assert_eq!(ring.first().id(), ids[0]);
    assert!(KeyRing::of([]).is_none());
}

#[test]
fn a_key_is_overwritten_when_it_goes() {
    const fn is_wiped<T: secrecy::zeroize::ZeroizeOnDrop>() {}
    // What a master key is kept as, and every data key on its way.
    is_wiped::<aes_gcm::Aes256Gcm>();
    is_wiped::<Zeroizing<Vec<u8>>>();
    is_wiped::<crate::settings::KeyBytes>();
}
