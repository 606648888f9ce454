-- Converts columns that an earlier Rollcall filled differently: `content_hash` was the canonical hash.
update raw.records
set canonical_hash = content_hash, content_hash = left(sha256(payload::text), 32)
where canonical_hash is null and content_hash not in ('forgotten', left(sha256(payload::text), 32));
