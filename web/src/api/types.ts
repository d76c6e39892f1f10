// The shapes of the API under the names this page uses. They come from `schema.ts`, which `npm run api` makes from the
// server's OpenAPI document; only what that document leaves open (words of a fixed set, socket messages) is said here.
import type { components } from './schema';

type Schemas = components['schemas'];

/** In answers the server writes null rather than leaving a field out; the document only says that it may be absent. */
type Told<Body> = { [Field in keyof Body]-?: Exclude<Body[Field], undefined> };

export type Instant = string;
export type Version = Pick<Schemas['ResourceVersion'], 'epoch' | 'version'>;
export type Me = Schemas['MeBody'];
export type DemoPerson = Schemas['DemoPerson'];
export type Doors = Schemas['DoorsBody'];
export type Profile = Schemas['ProfileBody'];
export type Session = Schemas['SessionBody'];
export type ApiKey = Schemas['KeyBody'];
export type KeyMade = Schemas['KeyMadeBody'];
export type Facet = Schemas['FacetBody'];
export type Facets = Schemas['FacetsBody'];
export type Witness = Schemas['WitnessBody'];
export type Reason = Schemas['ReasonBody'];
export type HoldAt = Schemas['HoldAtBody'];
export type ShortResource = Told<Schemas['FoundResource']>;
export type Resource = Told<Schemas['ResourceBody']>;
export type ResourceEdit = Schemas['ResourceEdit'];
export type ResourceRequest = Schemas['ResourceRequest'];
export type Block = Schemas['BlockBody'];
export type Displacement = Omit<Schemas['DisplacementBody'], 'bookings'> & { bookings: Booking[] };
export type AuditItem = Schemas['AuditItem'];
export type AuditChange = Schemas['AuditChange'];
export type PersonListed = Told<Schemas['PersonListed']>;
export type Access = Told<Schemas['StandingBody']>;
export type Invitation = Told<Schemas['OpenInvitationBody']>;
export type Invited = Told<Schemas['InvitedBody']>;
export type Facts = Schemas['FactsBody'];
export type Imported = Schemas['ImportBody'];
export type BookingLine = Schemas['LineBody'];
export type CancelRequest = Schemas['CancelRequest'];
export type MoveRequest = Schemas['MoveRequest'];
export type HistoryStep = Omit<Told<Schemas['StepBody']>, 'what'> & {
  what: 'made' | 'approved' | 'moved' | 'edited' | 'cancelled' | 'checked_in' | 'no_show' | 'displaced' | 'handed_over' | 'overrode';
};
export type History = Pick<Schemas['HistoryBody'], 'more'> & { steps: HistoryStep[] };
export type News =
  | 'booked'
  | 'approved'
  | 'cancelled'
  | 'moved'
  | 'promoted'
  | 'offered'
  | 'lapsed'
  | 'displaced'
  | 'handed_over'
  | 'taken_over'
  | 'no_show'
  | 'free'
  | 'reminder' | 'hold_ended' | 'hold_set';
export type Notice = Omit<Told<Schemas['NoticeBody']>, 'news'> & { news: News };
export type Notices = Page<Notice> & Pick<Schemas['NoticesBody'], 'unread'>;
export type EntryState = 'waiting' | 'offered' | 'promoted' | 'left' | 'lapsed' | 'voided' | 'told';
export type Entry = Omit<Told<Schemas['EntryBody']>, 'state' | 'id' | 'offer'> & { id: string; state: EntryState; offer: Hold | null };
export type JoinRequest = Schemas['JoinRequest'];
export type Requirement = Schemas['RequirementBody'];
export type Cutoff = Schemas['CutoffBody'];
export type Series = Omit<Schemas['SeriesBody'], 'bookings'> & { bookings: Booking[] };
export type SeriesRequest = Schemas['SeriesRequest'];
export type SeriesDate = Omit<Told<Schemas['DateBody']>, 'became'> & {
  became: 'booked' | 'booked_elsewhere' | 'free' | 'free_elsewhere' | 'refused' | 'changed' | 'untouched';
};
export type SeriesPreview = Omit<Schemas['SeriesPreview'], 'dates'> & { dates: SeriesDate[] };

export type Standing = 'booked' | 'pending' | 'checked_in' | 'no_show' | 'offered' | 'waiting' | 'watching';
export type Class = Omit<Told<Schemas['ClassBody']>, 'badge' | 'mine'> & { badge: Badge; mine: (Told<Schemas['MineBody']> & { standing: Standing }) | null };
export type Section = Omit<Told<Schemas['SectionListed']>, 'badge' | 'course'> & { badge: Badge | null; course: Told<Schemas['CourseBody']> };
export type Course = Omit<Told<Schemas['Page_CourseListed']['items'][number]>, 'sections'> & { sections: Section[] };
export type Courses = Page<Course> & Pick<Schemas['CoursesBody'], 'subjects'>;
export type Meeting = Schemas['MeetingBody'];
export type PlanLine = Schemas['PlanLine'];
export type Plan = Schemas['KeptPlanBody'];
export type Fix = Omit<Schemas['FixBody'], 'fix'> & { fix: 'instead' | 'add' | 'wait' };
export interface WouldBe {
  would: 'BOOKED' | 'REJECTED' | 'FAILED';
  reason: Reason | null;
  opens_at: Instant | null;
  fixes: Fix[];
}
export type CheckedLine = WouldBe & Pick<Schemas['CheckedLine'], 'clashes_with' | 'sections'>;
export type CheckedPlan = Pick<Schemas['CheckedBody'], 'credits' | 'as_of'> & { together: WouldBe; lines: CheckedLine[] };
export type PlanContract = Schemas['PlanContract'];
export type RegisterRequest = Schemas['RegisterRequest'];
/** What became of a line: an accepted attempt, or a problem. */
export type Registered = Omit<Partial<ProblemBody>, 'outcome'> & {
  outcome: 'BOOKED' | 'ACCEPTED' | 'REJECTED' | 'FAILED' | null;
  sections: string[];
  fixes: Fix[];
};
export interface RegisteredPlan {
  attempts: Registered[];
  as_of: Instant;
}
export type HoldRequest = Schemas['HoldRequest'];
export type BookingRequest = Schemas['BookingRequest'];

export type Board = Schemas['BoardBody'];
export type BoardSecond = Schemas['SecondBody'];
export type HotResource = Schemas['HotBody'];
export type Crowd = Omit<Schemas['CrowdBody'], 'state'> & { state: CrowdState };
export type CrowdState = 'gathering' | 'running' | 'cancelling' | 'done' | 'stopped';
export type CrowdRequest = Schemas['CrowdRequest'];
export type Decided = Schemas['DecidedBody'];
export type ScheduleItem = Schemas['ScheduleItem'];
export type TimelineItem = Told<Schemas['TimelineItem']>;
export type TimelineRow = Omit<Told<Schemas['TimelineRow']>, 'items' | 'resource'> & { items: TimelineItem[]; resource: ShortResource };
export type Timeline = Omit<Schemas['TimelineBody'], 'rows'> & { rows: TimelineRow[] };

export type Badge = 'open' | 'few_left' | 'full' | 'waitlist' | 'held' | 'closed' | 'past_cutoff' | 'overbooked';
export type BookingState = 'confirmed' | 'pending' | 'cancelled' | 'checked_in' | 'no_show' | 'displaced';

export interface Page<Item> {
  items: Item[];
  next: string | null;
  as_of: Instant;
}

export type SearchItem = Omit<Told<Schemas['FoundBody']>, 'badge' | 'resource'> & { badge: Badge; resource: ShortResource };
export type SearchPage = Page<SearchItem> & Pick<Schemas['SearchBody'], 'total' | 'total_free' | 'facets'>;
export type Alternative = SearchItem & Pick<Schemas['AlternativeBody'], 'why' | 'units'>;
export type Alternatives = Omit<Page<Alternative>, 'next'>;
export type Explanation = Schemas['ExplanationBody'];
export type Booking = Omit<Told<Schemas['BookingBody']>, 'state'> & { state: BookingState };
/** One's own; the token of another's hold is told to nobody. */
export type Hold = Omit<Told<Schemas['HoldBody']>, 'token'> & { token: string };

/** A problem as far as this page relies on it; a proxy's problem may carry less than the server's. */
export type ProblemBody = Partial<Omit<Schemas['Problem'], 'outcome'>> & {
  title: string;
  status: number;
  outcome?: 'REJECTED' | 'FAILED' | null;
};

/** What a changing request is answered with when it was accepted. */
export type Accepted = Pick<Schemas['AcceptedBody'], 'attempt' | 'decided_at' | 'versions'> & {
  outcome: 'BOOKED' | 'ACCEPTED';
  booking?: Booking;
  hold?: Hold;
};

export type AttemptRecord = Pick<Schemas['AttemptBody'], 'attempt'> &
  Partial<Pick<Schemas['AttemptBody'], 'code' | 'last_failure' | 'as_of'>> & {
    state: 'recorded' | 'in_progress' | 'unknown';
    outcome?: 'BOOKED' | 'ACCEPTED' | 'REJECTED' | null;
    answer?: Accepted | ProblemBody | null;
  };

/** What every Socket.IO message carries, `bookingConflict` excepted. */
export interface EventHead extends Version {
  resource: string;
  part: number;
  parts: number;
  attempt: string | null;
  decided_at: Instant;
  as_of: Instant;
}

export interface BookingEvent extends EventHead {
  booking: {
    id: string;
    mine: boolean;
    /** An edit of the details carries no more than the id and whose it is. */
    state?: BookingState;
    /** Of a booking that has left this resource there is neither. */
    start?: Instant | null;
    end?: Instant | null;
    units?: number;
    owner?: string | null;
    /** Of a move: what it took of this resource until then. */
    from?: { start: Instant | null; end: Instant | null; units: number };
  };
}

export interface HoldEvent extends EventHead {
  /** The id is told to the holder only. */
  hold: { id: string | null; start: Instant; end: Instant; units: number; expires_at: Instant; mine: boolean };
}

export interface EntryEvent extends EventHead {
  /** null says only when those who wait are looked at next. */
  entry: { id: string | null; start: Instant; end: Instant; units: number; offer: string | null; mine: boolean } | null;
}

export interface BlockEvent extends EventHead {
  block: { id: string; start: Instant; end: Instant; reason: string };
}

export interface ConflictEvent {
  attempt: string;
  outcome: 'REJECTED' | 'FAILED';
  code: string;
  message: string;
  resource: string;
  start: Instant | null;
  end: Instant | null;
  witness: Witness | null;
  alternatives: string | null;
}
