// Before the scenes: nobody has been here.

import assert from 'node:assert/strict';

export const isNew = (world) =>
  world.step('the demo is new', async () => {
    const people = await world.accounts();
    const ada = people.find(({ entityRef }) => entityRef === 'user:default/ada');
    const slugs = ada?.identities.nodes.map(({ provider }) => provider.slug);
    assert.deepEqual(slugs, ['payroll'], 'the demo must be on a new data folder: nobody has signed in');
  });
