-- owner: heartbeat
-- Subtrees of a signed hour, in the order of the nodes: an old receipt is proven from one page of the
-- tally and these roots. Goes with the counters of the hour.
create table receipt_page (
  hour       int  not null,
  page       int  not null,
  first_node text collate "C" not null,     -- lower case
  root       text not null,
  primary key (hour, page)
);

create index receipt_page_node on receipt_page (hour, first_node);
