//! A list of any length is one parameter, a JSON array of texts, which each database takes apart in its own way.

use crate::storage::statements::Dialect;

/// People of issuer `$1` whose subjects are in the list `$2`.
macro_rules! marks {
    ($list:literal) => {
        concat!(
            "select t.value as sub,
                coalesce((select seq from account_seq s where s.iss = $1 and s.sub = t.value), 0) as seq,
                (select count(*) from devices d where d.iss = $1 and d.sub = t.value and d.revoked_at is not null) as revoked,
                coalesce((select disabled from accounts a where a.sub = t.value), 0) as disabled
            from ",
            $list
        )
    };
}

/// The prompts in the list `$1` whose requests are settled.
macro_rules! settled {
    ($list:literal) => {
        concat!(
            "select t.value as handle from ",
            $list,
            " where (select state from auth_requests r where r.handle = t.value) <> 'pending'"
        )
    };
}

pub(in crate::storage) const MARKS_SQLITE: &str = marks!("json_each($2) t");
pub(in crate::storage) const MARKS_POSTGRES: &str = marks!("jsonb_array_elements_text($2::jsonb) as t (value)");
pub(in crate::storage) const SETTLED_SQLITE: &str = settled!("json_each($1) t");
pub(in crate::storage) const SETTLED_POSTGRES: &str = settled!("jsonb_array_elements_text($1::jsonb) as t (value)");

pub(in crate::storage) fn marks(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => MARKS_SQLITE,
        Dialect::Postgres => MARKS_POSTGRES,
    }
}

pub(in crate::storage) fn settled(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Sqlite => SETTLED_SQLITE,
        Dialect::Postgres => SETTLED_POSTGRES,
    }
}
