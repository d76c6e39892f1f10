//! What a person must be to book, and the facts about them that say whether they are.
//! Facts are the directory's; this only compares.

use crate::ids::ResourceId;
use std::collections::{BTreeMap, BTreeSet};

/// One condition on whoever a booking is for. A tag that ends in `*` stands for all that begin so.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    /// They have all of these.
    pub all: Vec<String>,
    /// They have one of these, if there are any.
    pub any: Vec<String>,
    /// They have none of these.
    pub none: Vec<String>,
}

impl Requirement {
    /// Requirements of one policy.
    pub const MOST: usize = 20;
    /// Tags of each list of a requirement.
    const TAGS_MAX: usize = 50;

    /// Whether somebody with these tags meets it.
    pub fn met_by(&self, tags: &BTreeSet<String>) -> bool {
        let has = |wanted: &String| match wanted.strip_suffix('*') {
            Some(beginning) => tags.iter().any(|tag| tag.starts_with(beginning)),
            None => tags.contains(wanted),
        };
        self.all.iter().all(has) && (self.any.is_empty() || self.any.iter().any(has)) && !self.none.iter().any(has)
    }

    /// Says what is wrong with it.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let lists = [&self.all, &self.any, &self.none];
        if lists.iter().all(|list| list.is_empty()) {
            return Err("must name at least one tag in each requirement");
        }
        if lists.iter().any(|list| list.len() > Requirement::TAGS_MAX) {
            return Err("must name at most 50 tags in all, any and none");
        }
        match lists.into_iter().flatten().all(|tag| is_tag(tag)) {
            true => Ok(()),
            false => Err("must name tags of 1 to 100 characters, without spaces, commas and semicolons"),
        }
    }
}

/// What is known of a person, and rules may ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Such as `passed:MATH20A`, `member:gold` or `hold:advisor`.
    pub tags: BTreeSet<String>,
    /// How many units they may book under the quota of a group or a resource, in the place of its own number.
    pub allowances: BTreeMap<ResourceId, u32>,
}

impl Facts {
    /// Tags of one person.
    pub const TAGS_MAX: usize = 500;
    /// Allowances of one person.
    pub const ALLOWANCES_MAX: usize = 100;

    /// Says which field is wrong, and how.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if self.tags.len() > Facts::TAGS_MAX {
            return Err(("tags", "must be at most 500"));
        }
        if !self.tags.iter().all(|tag| is_tag(tag) && !tag.ends_with('*')) {
            return Err((
                "tags",
                "must have 1 to 100 characters each, no spaces, commas and semicolons, and no * at the end",
            ));
        }
        if self.allowances.len() > Facts::ALLOWANCES_MAX {
            return Err(("allowances", "must be at most 100"));
        }
        match self.allowances.values().all(|most| *most <= crate::Policy::QUOTA_MAX) {
            true => Ok(()),
            false => Err(("allowances", "must be at most 1000000 units each")),
        }
    }
}

fn is_tag(tag: &str) -> bool {
    let says = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, ',' | ';');
    (1..=100).contains(&tag.chars().count()) && tag.chars().all(says)
}
