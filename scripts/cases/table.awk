# The verdicts of scripts/reproduce.sh (case, way, verdict, what) as a table: how many of the runs of
# each kind had the bits of the reference.
{
  if (!($1 in seen)) { seen[$1] = 1; names[++count] = $1 }
  runs[$1, $2]++
  total[$2]++
  if ($3 == "ok") { good[$1, $2]++; well[$2]++; passed++ } else { failed++; wrong[failed] = $1 ", " $2 ": " $4 }
}
function cell(runs, good) { return runs == 0 ? " -" : good + 0 == runs ? " " runs : " **" good + 0 " of " runs "**" }
END {
  n = split("threads|ranks as threads|Open MPI|MPICH|decomposition|memory|resume|1 nodes|2 nodes", all, "|")
  head = "| result |"; line = "| --- |"
  for (k = 1; k <= n; k++) {
    if (!(all[k] in total)) continue
    title = all[k] == "1 nodes" ? "one node" : all[k] == "2 nodes" ? "two nodes" : all[k]
    head = head " " title " |"; line = line " --- |"
  }
  print head; print line
  for (i = 1; i <= count; i++) {
    row = "| " names[i] " |"
    for (k = 1; k <= n; k++) if (all[k] in total) row = row cell(runs[names[i], all[k]], good[names[i], all[k]]) " |"
    print row
  }
  row = "| all |"
  for (k = 1; k <= n; k++) if (all[k] in total) row = row cell(total[all[k]], well[all[k]]) " |"
  print row
  print ""
  for (i = 1; i <= failed; i++) print "FAILED: " wrong[i]
  printf "%d passed, %d failed\n", passed + 0, failed + 0
}
