//! What is sealed opens in its place, under its key, and nowhere else.

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
