"""Every benchmark of docs/benchmarks.md but benchmarks.kills and benchmarks.faults, which take most of an hour."""

from benchmarks import ga4_page, night, stages

ga4_page.main()
night.main()
stages.main()
