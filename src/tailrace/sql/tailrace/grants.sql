-- Who may do what in schema tailrace.
grant usage on schema tailrace, tailrace_capture to public;
