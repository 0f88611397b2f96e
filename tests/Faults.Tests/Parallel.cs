// Most of these tests wait most of the time, for leases, pauses and deaths: one more at a time than two cores would have costs nobody anything.
[assembly: CollectionBehavior(MaxParallelThreads = 3)]
