-- A chart shows what waits in review and may belong to it: found by the candidates' ids, without reading the whole queue.
create function candidate_patients(candidates jsonb) returns bigint[] language sql immutable parallel safe as $$
    select coalesce(array_agg((candidate #>> '{patient,id}')::bigint), '{}') from jsonb_array_elements(candidates) as candidate
$$;
create index review_item_candidates on review_item using gin (candidate_patients(candidates)) where settled_at is null;
