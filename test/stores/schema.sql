CREATE TABLE agents (
  session_id text not null,
  name text not null,
  role text not null,
  model text not null,
  state text not null,
  waiting_for text,
  outcome text,
  tool text,
  turn integer not null,
  since text not null,
  last_progress_at text not null,
  cost_usd real not null,
  changes integer not null,
  primary key (session_id, name)
) strict;

CREATE TABLE approvals (
  id text primary key,
  session_id text not null,
  kind text not null,
  agent text not null,
  call_id text not null,
  tool text not null,
  summary text not null,
  subject text not null,
  grant_rule text not null,
  state text not null check (state in ('pending', 'approved', 'denied', 'cancelled')),
  asked_at text not null,
  answered_at text,
  answer text
) strict;

CREATE INDEX approvals_pending on approvals (asked_at) where state = 'pending';

CREATE TABLE blobs (
  hash text primary key,
  size integer not null,
  bytes blob
) strict;

CREATE TABLE effects (
  key text primary key,
  session_id text not null,
  tool text not null,
  effect text not null,
  state text not null check (state in ('claimed', 'applied', 'failed', 'unknown')),
  claim text not null,
  path text,
  claimed_at text not null,
  settled_at text,
  deaths integer not null,
  text text,
  is_error integer not null,
  note text,
  pre_image text references blobs (hash),
  post_image text references blobs (hash)
) strict;

CREATE INDEX effects_open on effects (claimed_at) where state = 'claimed';

CREATE UNIQUE INDEX effects_open_path on effects (path) where state = 'claimed';

CREATE TABLE events (
  offset integer primary key autoincrement,
  session_id text not null,
  key text not null,
  at text not null,
  kind text not null,
  agent text not null,
  turn integer,
  row_index integer,
  body text
) strict;

CREATE UNIQUE INDEX events_by_key on events (session_id, key);

CREATE INDEX events_of_session on events (session_id, offset);

CREATE TABLE in_flight (
  activity_key text primary key,
  task_token blob not null,
  workflow_id text not null,
  activity_type text not null,
  effect_key text
) strict;

CREATE TABLE installation (
  id integer primary key check (id = 1),
  fence integer not null,
  pid integer,
  taken_at text
) strict;

CREATE TABLE messages (
  id text primary key,
  session_id text not null,
  agent text not null,
  text text not null,
  sent_at text not null
) strict;

CREATE TABLE model_failures (
  session_id text not null,
  agent text not null,
  turn integer not null,
  count integer not null,
  primary key (session_id, agent, turn)
) strict, without rowid;

CREATE TABLE result_messages (
  session_id text not null,
  message_id text not null,
  offset integer not null references events (offset),
  primary key (session_id, message_id)
) strict, without rowid;

CREATE TABLE sessions (
  id text primary key,
  project text not null,
  title text not null,
  model text not null,
  permission_mode text not null,
  created_at text not null,
  base_commit text,
  last_message_at text
) strict;

CREATE INDEX sessions_of_project on sessions (project);

CREATE TABLE transcript (
  session_id text not null,
  agent text not null,
  turn integer not null,
  row_index integer not null,
  at text not null,
  kind text not null,
  body text not null,
  native text,
  effect text,
  primary key (session_id, agent, turn, row_index)
) strict;

CREATE TABLE usage (
  session_id text not null,
  agent text not null,
  turn integer not null,
  at text not null,
  model text not null,
  input_tokens integer not null,
  output_tokens integer not null,
  cache_creation_input_tokens integer not null,
  cache_read_input_tokens integer not null,
  cost_usd real,
  estimated integer not null,
  duration_ms real not null,
  primary key (session_id, agent, turn)
) strict;
