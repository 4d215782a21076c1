// Who has an account at the peer: everybody who says so. The name that is typed in is the username;
// the account is another thing.

const EMAIL = { claims: ['email', 'email_verified'] };

export const subjectOf = (username) => `account-of-${username}`;

export const CLAIMS = {
  openid: ['sub'],
  email: EMAIL.claims,
  profile: ['name', 'preferred_username', 'picture', 'updated_at'],
};

export function findAccount(context, subject) {
  const username = subject.replace(/^account-of-/, '');
  return {
    accountId: subject,
    claims: () => ({
      sub: subject,
      email: `${username}@peer.example`,
      email_verified: username !== 'unverified',
      name: `${username.slice(0, 1).toUpperCase()}${username.slice(1)} of the peer`,
      preferred_username: username,
      picture: `https://peer.example/${username}.png`,
      updated_at: 1_790_000_000,
    }),
  };
}
