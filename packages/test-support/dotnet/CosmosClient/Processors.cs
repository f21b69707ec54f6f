using System.Collections.Concurrent;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>The change feed processor, its estimator and its leases.</summary>
internal static class Processors
{
    public static async Task CheckAll(Run run, Database database)
    {
        await run.Check("change feed processor", async () =>
        {
            Container source = await database.CreateContainerAsync(new ContainerProperties("source", "/pk"));
            Container leases = await database.CreateContainerAsync(new ContainerProperties("leases", "/id"));
            async Task Write(int from, int count)
            {
                for (var i = from; i < from + count; i++) await source.CreateItemAsync(new Item { id = $"{i}", pk = $"k{i % 5}", n = i }, new PartitionKey($"k{i % 5}"));
            }
            await Write(0, 50);
            var seen = new ConcurrentQueue<(string Host, int N)>();
            var (one, two) = (Host("one"), Host("two"));
            await one.StartAsync();
            await two.StartAsync();
            await Seen(50);
            await Write(50, 50);
            await Seen(100);
            var estimated = await Estimate();
            Expect(estimated == 0, $"nothing left to read, not {estimated}");

            // Stop the host that reads. The other one resumes where it stopped.
            var reading = seen.Last().Host;
            await (reading == "one" ? one : two).StopAsync();
            await Write(100, 50);
            await Seen(150);
            Expect(seen.Skip(100).All(each => each.Host != reading), "the other host");
            await (reading == "one" ? two : one).StopAsync();
            await Write(150, 7);
            estimated = await Estimate();
            Expect(estimated == 7, $"7 left to read, not {estimated}");

            // A new host resumes where the last one stopped.
            var three = Host("three");
            await three.StartAsync();
            await Seen(157);
            await three.StopAsync();
            Same(seen.Select(each => each.N), Enumerable.Range(0, 157), "every item once, in order");

            ChangeFeedProcessor Host(string name) => source
                .GetChangeFeedProcessorBuilder<Item>("copy", (IReadOnlyCollection<Item> changes, CancellationToken _) =>
                {
                    foreach (var change in changes) seen.Enqueue((name, change.n));
                    return Task.CompletedTask;
                })
                .WithInstanceName(name)
                .WithLeaseContainer(leases)
                .WithStartTime(DateTime.MinValue.ToUniversalTime())
                .WithMaxItems(20)
                .WithPollInterval(TimeSpan.FromMilliseconds(50))
                .WithLeaseConfiguration(TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1))
                .Build();

            Task Seen(int count) => Until(() => seen.Count >= count, () => $"{count} items, not {seen.Count}");

            async Task<long> Estimate()
            {
                // A checkpoint is written after the handler has returned.
                var (lag, end) = (0L, DateTime.UtcNow.AddSeconds(2));
                do
                {
                    var states = await Clients.All(source.GetChangeFeedEstimator("copy", leases).GetCurrentStateIterator());
                    Expect(states.Count > 0, "a state of each lease");
                    lag = states.Sum(state => state.EstimatedLag);
                    await Task.Delay(20);
                }
                while (lag != 0 && DateTime.UtcNow < end);
                return lag;
            }
        });

        await run.Check("change feed estimator that reports regularly", async () =>
        {
            Container source = await database.CreateContainerAsync(new ContainerProperties("estimated", "/pk"));
            Container leases = await database.CreateContainerAsync(new ContainerProperties("estimates", "/id"));
            var handled = 0;
            var processor = source
                .GetChangeFeedProcessorBuilder<Item>("count", (IReadOnlyCollection<Item> changes, CancellationToken _) => Task.FromResult(Interlocked.Add(ref handled, changes.Count)))
                .WithInstanceName("only").WithLeaseContainer(leases).WithPollInterval(TimeSpan.FromMilliseconds(50)).Build();
            await processor.StartAsync();
            await source.CreateItemAsync(new Item { id = "first", pk = "p" }, new PartitionKey("p"));
            await Until(() => handled == 1, () => "the first item");
            await processor.StopAsync();
            for (var i = 0; i < 3; i++) await source.CreateItemAsync(new Item { id = $"{i}", pk = "p" }, new PartitionKey("p"));
            var told = -1L;
            var estimator = source
                .GetChangeFeedEstimatorBuilder("count", (lag, _) => { Interlocked.Exchange(ref told, lag); return Task.CompletedTask; }, TimeSpan.FromMilliseconds(100))
                .WithLeaseContainer(leases).Build();
            await estimator.StartAsync();
            await Until(() => Interlocked.Read(ref told) == 3, () => $"a lag of 3, not {told}");
            await estimator.StopAsync();
        });
    }
}
