//! Which patches to hide: exact, seeded and audited mask policies.
