-- How providers know us, and links that an application begins for its own users.

-- The private key that a client shows itself with at the token endpoint (private_key_jwt), where
-- it does; its public half is at /auth/{slug}/jwks.json.
ALTER TABLE identity_provider ADD COLUMN client_key_sealed {bytes};
