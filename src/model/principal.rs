//! Who is asking, and what that amounts to on one feed.

use super::{Action, Feed, Permission, Role, Scope, Token, View};

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// Nobody in particular.
    Anonymous,
    /// The holder of the bootstrap secret: creates organizations, opens no packages.
    Root,
    /// The holder of a valid token.
    Token(Box<Token>),
}

impl Principal {
    /// A name that may stand in logs and messages.
    pub fn id(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Root => "root",
            Self::Token(token) => &token.id,
        }
    }

    /// The name people know this caller by.
    pub fn subject(&self) -> &str {
        match self {
            Self::Anonymous => "anonymous",
            Self::Root => "root",
            Self::Token(token) => &token.subject,
        }
    }

    /// What this caller may do on a feed, or on one of its views.
    pub fn authority(&self, feed: &Feed, view: Option<&View>) -> Authority {
        let public = feed.is_public.then_some(Role::Reader);
        match self {
            Self::Anonymous | Self::Root => Authority { role: public, scope: None },
            Self::Token(token) => {
                Authority { role: granted(token, feed, view).max(public), scope: Some(token.scope) }
            }
        }
    }
}

/// What a token's holder is on a feed: by its own grants, by permissions of its subject and groups, or because a view is
/// shared.
fn granted(token: &Token, feed: &Feed, view: Option<&View>) -> Option<Role> {
    let member = token.organization == feed.organization;
    let visible = view.is_some_and(|view| view.is_shared_with(member));
    let lists = [Some(&feed.permissions), view.map(|view| &view.permissions)];
    let permitted = lists.into_iter().flatten().filter_map(|list| Permission::role_of(list, token)).max();
    token.role_on(feed, view).max(permitted.filter(|_| member)).max(visible.then_some(Role::Reader))
}

/// A caller's right on one feed: the role granted, and the scope of the token that caps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Authority {
    /// The role granted, if any.
    pub role: Option<Role>,
    /// The token's scope; `None` for callers without a token.
    pub scope: Option<Scope>,
}

impl Authority {
    /// The effective right: the smaller of role and scope.
    pub fn effective(self) -> Option<Role> {
        self.role.map(|role| self.scope.map_or(role, |scope| role.min(scope.cap())))
    }

    /// May the caller do that?
    pub fn permits(self, action: Action) -> bool {
        self.effective().is_some_and(|role| role.permits(action))
    }

    /// What the caller is, in words for a refusal: the role, and the scope where that is what limits it.
    pub fn describe(self) -> String {
        match (self.role, self.scope) {
            (None, None) => "no token was sent".to_owned(),
            (None, Some(_)) => "this token has no role here".to_owned(),
            (Some(role), None) => format!("anonymous callers are {}", role.title()),
            (Some(role), Some(scope)) if scope.cap() < role => {
                format!("this token's scope is `{}` (its holder is {})", scope.name(), role.title())
            }
            (Some(role), Some(_)) => format!("this token is {}", role.title()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_caps_the_role() {
        let authority = Authority { role: Some(Role::Owner), scope: Some(Scope::Restore) };
        assert_eq!(authority.effective(), Some(Role::Collaborator));
        assert!(authority.permits(Action::Save) && !authority.permits(Action::Publish));
        assert_eq!(authority.describe(), "this token's scope is `restore` (its holder is Owner)");
        assert_eq!(Authority { role: None, scope: Some(Scope::Manage) }.effective(), None);
    }
}
