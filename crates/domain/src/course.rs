//! What a section is a section of, and when it meets week by week: whether two of them can be sat in by one person.
//! It decides nothing; the rule that asks is in [`crate::decide`].

use crate::policy::OpeningHours;
use crate::resource::ResourceSpec;
use crate::time::{Instant, Interval, Zone};
use jiff::civil::Date;

/// A section's place in the catalogue. A course is what its sections have in common: subject and number, within one term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// Such as `MATH`.
    pub subject: String,
    /// Such as `20B`.
    pub number: String,
    /// What the course is called.
    pub title: String,
    /// Which section this is, such as `001`.
    pub section: String,
    /// What it is of the course, such as `lecture`, `discussion` or `lab`.
    pub part: Option<String>,
    /// What it counts for, in hundredths.
    pub credits: Option<u16>,
    /// Who teaches it.
    pub instructor: Option<String>,
    /// When it meets; without any it meets at no fixed time, and clashes with nothing.
    pub meetings: Vec<Meeting>,
}

/// Something that is the same every week.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Meeting {
    /// The days of the week and the times, by the clock of the resource's zone.
    pub hours: OpeningHours,
    /// From this day on.
    pub first: Date,
    /// The last day on which it may be.
    pub last: Date,
    /// Where.
    pub place: Option<String>,
}

impl Course {
    /// Meetings of one section.
    pub const MEETINGS_MAX: usize = 20;

    /// Says which field is wrong, and how.
    pub(crate) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let is_text = |text: &str, max: usize| {
            !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
        };
        let names =
            [("course.subject", &self.subject), ("course.number", &self.number), ("course.section", &self.section)];
        for (field, text) in names {
            if !is_text(text, 30) {
                return Err((field, "must have 1 to 30 characters, none of them a control character"));
            }
        }
        let words = [
            ("course.title", Some(&self.title)),
            ("course.part", self.part.as_ref()),
            ("course.instructor", self.instructor.as_ref()),
        ];
        for (field, text) in words {
            if text.is_some_and(|text| !is_text(text, 200)) {
                return Err((field, "must have 1 to 200 characters, none of them a control character"));
            }
        }
        if self.meetings.len() > Course::MEETINGS_MAX {
            return Err(("course.meetings", "must be at most 20"));
        }
        for Meeting { hours, first, last, place } in &self.meetings {
            if hours.from_min >= hours.to_min || hours.to_min > 1440 || hours.days.is_empty() {
                return Err(("course.meetings", "must name days, and end after they begin, at the latest at 24:00"));
            }
            if first > last || first.until(*last).map_or(true, |span| span.get_days() > 366) {
                return Err(("course.meetings", "must have their last day after the first, at most 366 days later"));
            }
            if place.as_ref().is_some_and(|place| !is_text(place, 200)) {
                return Err((
                    "course.meetings",
                    "must have places of 1 to 200 characters, none of them a control character",
                ));
            }
        }
        Ok(())
    }
}

/// Whether somebody who is in both would have to be in two places at once, when their intervals meet. What has no meetings of its
/// own is sat in all the time.
pub fn clash(one: (&ResourceSpec, Interval), other: (&ResourceSpec, Interval)) -> bool {
    match (&one.0.course, &other.0.course) {
        (None, None) => true,
        (Some(course), Some(theirs)) if one.0.zone == other.0.zone => {
            course.meetings.iter().any(|meeting| theirs.meetings.iter().any(|their| meeting.meets(their)))
        }
        (Some(course), Some(theirs)) => {
            let during = |meeting: &Meeting, time: Interval| meeting.times(&one.0.zone).any(|t| t.meets(time));
            theirs.meetings.iter().any(|their| {
                their.times(&other.0.zone).any(|time| course.meetings.iter().any(|meeting| during(meeting, time)))
            })
        }
        (Some(course), None) => course.takes(&one.0.zone, other.1),
        (None, Some(course)) => course.takes(&other.0.zone, one.1),
    }
}

impl Course {
    fn takes(&self, zone: &Zone, time: Interval) -> bool {
        self.meetings.iter().any(|meeting| meeting.times(zone).any(|t| t.meets(time)))
    }
}

impl Meeting {
    /// Whether some day has both at one time, by the clock of one zone.
    fn meets(&self, other: &Meeting) -> bool {
        let (hours, theirs) = (&self.hours, &other.hours);
        if hours.from_min >= theirs.to_min || theirs.from_min >= hours.to_min {
            return false;
        }
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        // Whatever day both have, it is within seven days or never.
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take_while(|day| *day <= last).take(7);
        days.map(Date::weekday).any(|day| hours.days.has(day) && theirs.days.has(day))
    }

    /// Each time it is. One that the clocks skip altogether is none.
    fn times(&self, zone: &Zone) -> impl Iterator<Item = Interval> {
        let days = std::iter::successors(Some(self.first), |day| day.tomorrow().ok());
        let days = days.take_while(|day| *day <= self.last).take(367).filter(|day| self.hours.days.has(day.weekday()));
        days.filter_map(move |day| {
            let at = |minute| -> Instant { crate::policy::at_minute(day, minute, zone.rules()) };
            Interval::new(at(self.hours.from_min), at(self.hours.to_min)).ok()
        })
    }
}
