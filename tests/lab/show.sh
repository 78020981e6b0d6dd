#!/bin/bash
# Runs inside a lab: tells how to reach its servers, then waits to be ended.
here=$(dirname "$0")
echo
echo "The servers are up. In another terminal:"
echo
echo "  export PGPASSFILE=$DBATOP_LAB/pgpass MYSQL_PWD=monitor-pw"
echo "  build/release/dbatop $("$here/lab.py" urls --dir "$DBATOP_LAB" --user monitor | tr '\n' ' ')"
echo
echo "Accounts, each with the password NAME-pw: dba, monitor, actor, nobody, app. Ctrl-C stops everything."
sleep infinity &
trap 'kill $!; exit 0' INT TERM
wait
