//! Who may ask for what: one row for each operation, beside the router that serves it.
//! What is decided of bookings and resources is decided in the command; here stands who gets that far, and what a key must allow.

use crate::auth::Asker;
use crate::problem::Problem;
use axum::extract::MatchedPath;
use axum::http::{Method, StatusCode};
use slotwise_domain::Role;
use slotwise_engine::Scopes;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Whom an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever comes, signed in or not.
    Anyone,
    /// Whoever is signed in. What they see is theirs to see, and nobody else's business.
    SignedIn,
    /// Whoever a thing is, whoever manages its resource, admins; auditors where it is only looked at. Decided with the thing at hand.
    Concerned,
    /// Whoever manages the resource that is named, and admins. Decided in the command, except for a preview.
    Manages,
    /// Admins and auditors.
    Looks,
    /// Admins.
    Admin,
    /// Whoever is signed in with a browser, and no key: what it changes lets people in.
    Browser,
    /// Only with `--demo`.
    Demo,
}

impl Who {
    /// Its name in the document.
    pub const fn name(self) -> &'static str {
        match self {
            Who::Anyone => "anyone",
            Who::SignedIn => "signed_in",
            Who::Concerned => "concerned",
            Who::Manages => "manages",
            Who::Looks => "looks",
            Who::Admin => "admin",
            Who::Browser => "browser",
            Who::Demo => "demo",
        }
    }
}

/// An operation's row.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// Its `operationId`.
    pub operation: &'static str,
    /// Whom it is for.
    pub who: Who,
    /// What a key must allow.
    pub scope: Scopes,
}

const fn row(operation: &'static str, who: Who, scope: Scopes) -> Access {
    Access { operation, who, scope }
}

const READ: Scopes = Scopes::READ;
const BOOK: Scopes = Scopes::BOOK;
const MANAGE: Scopes = Scopes::MANAGE;
const ADMIN: Scopes = Scopes::ADMIN;

/// Every operation of the OpenAPI document; a test holds both together.
pub const ALL: &[Access] = &[
    row("create_room_booking", Who::SignedIn, BOOK),
    row("create_booking", Who::SignedIn, BOOK),
    row("list_bookings", Who::SignedIn, READ),
    row("read_booking", Who::SignedIn, READ),
    row("edit_booking", Who::Concerned, BOOK),
    row("move_booking", Who::Concerned, BOOK),
    row("swap_bookings", Who::Concerned, BOOK),
    row("cancel_booking", Who::Concerned, BOOK),
    row("approve_booking", Who::Manages, MANAGE),
    row("read_history", Who::Concerned, READ),
    row("check_in_booking", Who::Concerned, BOOK),
    row("decline_booking", Who::Manages, MANAGE),
    row("hand_over_booking", Who::Manages, MANAGE),
    row("create_hold", Who::SignedIn, BOOK),
    row("list_holds", Who::SignedIn, READ),
    row("renew_hold", Who::SignedIn, BOOK),
    row("release_hold", Who::SignedIn, BOOK),
    row("set_hold", Who::Manages, MANAGE),
    row("end_hold", Who::Manages, MANAGE),
    row("join_waitlist", Who::SignedIn, BOOK),
    row("list_waitlist", Who::SignedIn, READ),
    row("read_entry", Who::SignedIn, READ),
    row("leave_waitlist", Who::Concerned, BOOK),
    row("accept_offer", Who::Concerned, BOOK),
    row("decline_offer", Who::Concerned, BOOK),
    row("set_class", Who::Manages, MANAGE),
    row("list_resources", Who::SignedIn, READ),
    row("create_resource", Who::Manages, MANAGE),
    row("read_resource", Who::SignedIn, READ),
    row("edit_resource", Who::Manages, MANAGE),
    row("add_block", Who::Manages, MANAGE),
    row("remove_block", Who::Manages, MANAGE),
    row("set_capacity", Who::Manages, MANAGE),
    row("close_resource", Who::Manages, MANAGE),
    row("reopen_resource", Who::Manages, MANAGE),
    row("preview_displacement", Who::Manages, MANAGE),
    row("read_schedule", Who::SignedIn, READ),
    row("read_record", Who::SignedIn, READ),
    row("read_facets", Who::SignedIn, READ),
    row("list_courses", Who::SignedIn, READ),
    row("read_plan", Who::SignedIn, READ),
    row("put_plan", Who::SignedIn, BOOK),
    row("check_plan", Who::SignedIn, READ),
    row("register_plan", Who::SignedIn, BOOK),
    row("search", Who::SignedIn, READ),
    row("read_timeline", Who::SignedIn, READ),
    row("list_classes", Who::SignedIn, READ),
    row("create_series", Who::SignedIn, BOOK),
    row("preview_series", Who::SignedIn, READ),
    row("read_series", Who::Concerned, READ),
    row("edit_series", Who::Concerned, BOOK),
    row("cancel_series", Who::Concerned, BOOK),
    row("move_series", Who::Concerned, BOOK),
    row("create_attempts", Who::SignedIn, BOOK),
    row("dry_run", Who::SignedIn, READ),
    row("alternatives", Who::SignedIn, READ),
    row("read_attempt", Who::SignedIn, READ),
    row("explain_attempt", Who::SignedIn, READ),
    row("read_audit", Who::Looks, READ),
    row("read_me", Who::SignedIn, READ),
    row("list_people", Who::SignedIn, READ),
    row("read_facts", Who::Looks, READ),
    row("put_facts", Who::Admin, ADMIN),
    row("import_people", Who::Admin, ADMIN),
    row("create_key", Who::Admin, ADMIN),
    row("list_keys_of", Who::Looks, READ),
    row("end_key_of", Who::Admin, ADMIN),
    row("end_sessions_of", Who::Admin, ADMIN),
    row("put_role", Who::Admin, ADMIN),
    row("suspend_person", Who::Admin, ADMIN),
    row("restore_person", Who::Admin, ADMIN),
    row("invite", Who::Admin, ADMIN),
    row("invite_again", Who::Admin, ADMIN),
    row("list_invitations", Who::Looks, READ),
    row("withdraw_invitation", Who::Admin, ADMIN),
    row("read_standing", Who::Looks, READ),
    row("read_deeds", Who::Looks, READ),
    row("read_address", Who::SignedIn, READ),
    row("put_address", Who::SignedIn, BOOK),
    row("list_notices", Who::SignedIn, READ),
    row("read_notices", Who::SignedIn, BOOK),
    row("erase_person", Who::Admin, ADMIN),
    row("list_demo_people", Who::Demo, READ),
    row("demo_sign_in", Who::Demo, READ),
    row("demo_sign_out", Who::Demo, READ),
    row("read_doors", Who::Anyone, READ),
    row("set_up", Who::Anyone, READ),
    row("sign_in", Who::Anyone, READ),
    row("sign_out", Who::Anyone, READ),
    row("accept_invitation", Who::Anyone, READ),
    row("look_at_invitation", Who::Anyone, READ),
    row("ask_for_reset", Who::Anyone, READ),
    row("reset_password", Who::Anyone, READ),
    row("begin_provider_sign_in", Who::Anyone, READ),
    row("end_provider_sign_in", Who::Anyone, READ),
    row("read_profile", Who::SignedIn, READ),
    row("put_profile", Who::Browser, READ),
    row("put_password", Who::Browser, READ),
    row("list_sessions", Who::Browser, READ),
    row("end_session", Who::Browser, READ),
    row("end_other_sessions", Who::Browser, READ),
    row("list_keys", Who::Browser, READ),
    row("make_key", Who::Browser, READ),
    row("end_key", Who::Browser, READ),
    row("read_board", Who::Looks, READ),
    row("send_crowd", Who::Demo, READ),
    row("read_crowd", Who::Demo, READ),
    row("healthz", Who::Anyone, READ),
    row("readyz", Who::Anyone, READ),
    row("metrics", Who::Anyone, READ),
    row("checkpoint", Who::Anyone, READ),
    row("accept_clock", Who::Admin, ADMIN),
];

/// The rows by path and method, as the router has them. Asked for every request, by what it has: nothing is copied to look.
static BY_ROUTE: LazyLock<HashMap<String, Vec<(String, Access)>>> = LazyLock::new(|| {
    let document = serde_json::to_value(crate::router::openapi()).unwrap_or_default();
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    let mut rows: HashMap<String, Vec<(String, Access)>> = HashMap::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().cloned().unwrap_or_default() {
            let id = operation["operationId"].as_str().unwrap_or_default();
            if let Some(access) = ALL.iter().find(|access| access.operation == id) {
                rows.entry(path.clone()).or_default().push((method.to_uppercase(), *access));
            }
        }
    }
    rows
});

/// Lets somebody on to an operation, or says why not. One that has no row is for nobody.
pub fn admit(asker: &Asker, method: &Method, path: Option<&MatchedPath>) -> Result<(), Problem> {
    let path = path.map(MatchedPath::as_str).unwrap_or_default();
    // To ask for the head of an answer is to read it.
    let method = if method == Method::HEAD { Method::GET } else { method.clone() };
    let of_path = BY_ROUTE.get(path);
    let Some((_, access)) = of_path.and_then(|rows| rows.iter().find(|(of, _)| of == method.as_str())) else {
        return Err(Problem::not_allowed("Nobody may do this."));
    };
    let may = match access.who {
        Who::Anyone | Who::SignedIn | Who::Concerned | Who::Manages | Who::Demo => true,
        // In a demo everybody may look at the board, so it is asked there.
        Who::Looks => access.operation == "read_board" || matches!(asker.role, Role::Admin | Role::Auditor),
        Who::Admin => asker.role == Role::Admin,
        Who::Browser => !asker.by_key(),
    };
    if !may {
        return Err(Problem::not_allowed(match access.who {
            Who::Looks => "Only admins and auditors see this.",
            Who::Browser => "This is done in the browser: an API key changes nothing of how people come in.",
            Who::Anyone | Who::SignedIn | Who::Concerned | Who::Manages | Who::Admin | Who::Demo => {
                "Only an admin may do this."
            }
        }));
    }
    match asker.scopes.allow(access.scope) {
        true => Ok(()),
        false => Err(scope_missing(access.scope)),
    }
}

/// A key that does not allow it.
pub fn scope_missing(scope: Scopes) -> Problem {
    let detail = format!("This API key does not allow that: it needs the scope {}.", scope.names().join(", "));
    Problem::request(StatusCode::FORBIDDEN, "scope_missing", "Scope missing", &detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_operation_has_a_row_and_every_row_an_operation() {
        let document = serde_json::to_value(crate::router::openapi()).unwrap();
        let of_path = |methods: &serde_json::Value| -> Vec<String> {
            let operations = methods.as_object().unwrap().values();
            operations.filter_map(|o| Some(o["operationId"].as_str()?.to_owned())).collect()
        };
        let served: BTreeSet<String> = document["paths"].as_object().unwrap().values().flat_map(of_path).collect();
        let known: BTreeSet<String> = ALL.iter().map(|access| access.operation.to_owned()).collect();
        assert_eq!(served.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "without a row");
        assert_eq!(known.difference(&served).collect::<Vec<_>>(), Vec::<&String>::new(), "without an operation");
        assert_eq!(known.len(), ALL.len(), "a row is there twice");
    }
}
