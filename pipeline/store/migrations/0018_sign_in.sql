-- Reserved while sign-in is being changed.
select 1;
