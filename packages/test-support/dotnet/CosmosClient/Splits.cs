using System.Collections.Concurrent;
using System.Net;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>A client must not notice the split of a range, apart from more ranges. The control endpoint splits.</summary>
internal static class Splits
{
    public static async Task CheckAll(Run run, string connectionString, Uri control, Database database)
    {
        using var http = new HttpClient();
        async Task Split(Container container, string range)
        {
            var path = new Uri(control, $"databases/{database.Id}/containers/{container.Id}/ranges/{range}/split");
            using var answer = await http.PostAsync(path, null);
            Expect(answer.IsSuccessStatusCode, $"that the range {range} is split, not {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
        }
        async Task<Container> Filled(string id, int count)
        {
            Container container = await database.CreateContainerAsync(new ContainerProperties(id, "/pk") { IndexingPolicy = Queries.ByTeamThenBack });
            await Write(container, 0, count);
            return container;
        }

        await run.Check("items of a range that is split", async () =>
        {
            var split = await Filled("split-items", 60);
            await Split(split, "0");
            await Split(split, "2");
            foreach (var n in Enumerable.Range(0, 60)) Expect((await split.ReadItemAsync<Item>($"{n}", Key(n))).Resource.n == n, $"the item {n}");
            await Write(split, 60, 60);
            Expect((await split.GetFeedRangesAsync()).Count == 3, "three ranges");
            var many = await split.ReadManyItemsAsync<Item>([.. Enumerable.Range(0, 120).Select(n => ($"{n}", Key(n)))]);
            Same(many.Select(item => item.n).Order(), Enumerable.Range(0, 120), "many items");
        });

        await run.Check("query pages over a split", async () =>
        {
            var split = await Filled("split-queries", 200);
            var pages = split.GetItemQueryIterator<Item>("SELECT * FROM c", requestOptions: new QueryRequestOptions { MaxItemCount = 40 });
            var page = await pages.ReadNextAsync();
            await Split(split, "0");
            await Split(split, "1");
            var rest = await Clients.All(split.GetItemQueryIterator<Item>("SELECT * FROM c", page.ContinuationToken));
            Same(page.Concat(rest).Select(item => item.n).Order(), Enumerable.Range(0, 200), "every item once, over a continuation from before");
        });

        await run.Check("queries over ranges", async () =>
        {
            var split = await Filled("split-orders", 200);
            await Split(split, "0");
            await Split(split, "1");
            var paged = new QueryRequestOptions { MaxItemCount = 30 };
            Same(await Clients.Query<int>(split, "SELECT VALUE c.n FROM c ORDER BY c.n DESC", paged), Enumerable.Range(0, 200).Reverse(), "an order over all ranges");
            Same(await Clients.Query<int>(split, "SELECT VALUE c.n FROM c ORDER BY c.team, c.n DESC OFFSET 3 LIMIT 4"), [189, 186, 183, 180], "a part of two orders");
            Same(await Clients.Query<int>(split, "SELECT TOP 3 VALUE c.n FROM c ORDER BY c.n"), [0, 1, 2], "the first of all ranges");
            Same(await Clients.Query<double>(split, "SELECT VALUE AVG(c.n) FROM c"), [99.5], "an average of all ranges");
            Same(await Clients.Query<int>(split, "SELECT VALUE COUNT(1) FROM c WHERE c.n >= 50"), [150], "a count of all ranges");
            Same((await Clients.Query<string>(split, "SELECT DISTINCT VALUE c.team FROM c")).Order(), ["g0", "g1", "g2"], "the values once");
            var groups = await Clients.Query<Dictionary<string, object>>(split, "SELECT c.team, COUNT(1) AS count, MIN(c.n) AS least FROM c GROUP BY c.team");
            Same(groups.Select(each => $"{each["team"]} {each["count"]} {each["least"]}").Order(), ["g0 67 0", "g1 67 1", "g2 66 2"], "the groups of all ranges");
            using var first = split.GetItemQueryIterator<int>("SELECT VALUE c.n FROM c ORDER BY c.n", requestOptions: new QueryRequestOptions { MaxItemCount = 70 });
            var begun = await first.ReadNextAsync();
            var ended = await Clients.All(split.GetItemQueryIterator<int>("SELECT VALUE c.n FROM c ORDER BY c.n", begun.ContinuationToken));
            Same(begun.Concat(ended), Enumerable.Range(0, 200), "an order over a continuation");
            foreach (var order in new[] { "c.team", "c.team DESC", "c.absent", "c.team, c.n DESC", "c.team DESC, c.n", "c.team, c.absent DESC", "c.team DESC, c.absent" })
                Same((await Queries.ByContinuation<int>(split, $"SELECT VALUE c.n FROM c ORDER BY {order}", 17)).Order(), Enumerable.Range(0, 200), $"every item once by {order}");
            foreach (var order in new[] { "c.team", "c.team, c.absent DESC" })
                Same((await Queries.ByContinuation<int>(split, $"SELECT VALUE c.n FROM c JOIN t IN c.tags WHERE c.n >= 100 ORDER BY {order}", 17)).Order(), Enumerable.Range(100, 100).SelectMany(n => new[] { n, n }), $"every pair once by {order}");
            var found = new List<int>();
            foreach (var range in await split.GetFeedRangesAsync())
                found.AddRange(await Clients.All(split.GetItemQueryIterator<int>(range, new QueryDefinition("SELECT VALUE c.n FROM c"))));
            Same(found.Order(), Enumerable.Range(0, 200), "each item in one range");
        });

        await run.Check("queries in an order of values of many types over ranges", async () =>
        {
            Container mixed = await database.CreateContainerAsync(new ContainerProperties("split-mixed", "/pk"));
            var values = new object?[] { null, false, true, -1, 0, 1.5, "", "a", "it's \"quoted\"", new string('x', 600) };
            for (var n = 0; n < 100; n++) await mixed.CreateItemAsync<object>(new { id = $"{n}", pk = $"k{n % 17}", n, value = values[n / 10], list = new[] { n } }, Key(n));
            for (var n = 100; n < 110; n++) await mixed.CreateItemAsync<object>(new { id = $"{n}", pk = $"k{n % 17}", n }, Key(n));
            await Split(mixed, "0");
            await Split(mixed, "1");
            // Undefined sorts first, then the types in their order.
            var tens = Enumerable.Range(0, 10).Prepend(10).SelectMany(ten => Enumerable.Repeat(ten, 10)).ToList();
            foreach (var order in new[] { "c.value", "c.value DESC" })
            {
                var found = await Queries.ByContinuation<int>(mixed, $"SELECT VALUE c.n FROM c ORDER BY {order.Replace("c.value", "c[\"value\"]")}", 7);
                Same(found.Order(), Enumerable.Range(0, 110), $"every item once by {order}");
                Same(found.Select(n => n / 10), order.EndsWith("DESC") ? Enumerable.Reverse(tens) : tens, $"the items by {order}");
            }
            await Refused(HttpStatusCode.BadRequest, () => Queries.ByContinuation<int>(mixed, "SELECT VALUE c.n FROM c WHERE IS_ARRAY(c.list) ORDER BY c.list", 7));
        });

        await run.Check("partition keys of all kinds over ranges", async () =>
        {
            Container kinds = await database.CreateContainerAsync(new ContainerProperties("split-kinds", "/pk"));
            await Split(kinds, "0");
            foreach (var range in new[] { "1", "2" }) await Split(kinds, range);
            foreach (var range in new[] { "3", "4", "5", "6" }) await Split(kinds, range);
            Expect((await kinds.GetFeedRangesAsync()).Count == 8, "eight ranges");
            // In bulk the client itself computes the range of each key, and the emulator refuses a wrong one.
            var options = Clients.Options();
            options.AllowBulkExecution = true;
            using var client = new CosmosClient(connectionString, options);
            var bulk = client.GetContainer(database.Id, kinds.Id);
            var keys = new List<(object? Value, PartitionKey Key)> { (null, PartitionKey.Null), (true, new(true)), (false, new(false)) };
            foreach (var text in new[] { "", "a", "ü😀", "\"quoted\" \\ \n", new string('k', 150), new string('é', 1024) }) keys.Add((text, new(text)));
            foreach (var number in new[] { 0, 1, -1, 0.1, 1e21, -1.5e300, 5e-324, 9007199254740993 }) keys.Add((number, new(number)));
            keys.AddRange(Enumerable.Range(0, 100).Select(i => ((object?)$"key {i}", new PartitionKey($"key {i}"))));
            await Task.WhenAll([.. keys.Select(key => bulk.CreateItemAsync<object>(new { id = "1", pk = key.Value }, key.Key)), bulk.CreateItemAsync<object>(new { id = "1" }, PartitionKey.None)]);
            foreach (var (value, key) in keys.Append((null, PartitionKey.None)))
            {
                Expect((await kinds.ReadItemAsync<object>("1", key)).StatusCode == HttpStatusCode.OK, $"the item of {value}");
                Expect((await Clients.Query<object>(kinds, "SELECT * FROM c", new QueryRequestOptions { PartitionKey = key })).Count == 1, $"the item of {value} alone");
            }
        });

        await run.Check("hierarchical partition keys over ranges", async () =>
        {
            Container visits = await database.CreateContainerAsync(new ContainerProperties("split-visits", ["/tenant", "/user"]));
            static PartitionKey Whole(int n) => new PartitionKeyBuilder().Add($"t{n % 12}").Add(n % 24).Build();
            for (var n = 0; n < 96; n++) await visits.CreateItemAsync(new { id = $"{n}", tenant = $"t{n % 12}", user = n % 24, n }, Whole(n));
            await Split(visits, "0");
            foreach (var range in new[] { "1", "2" }) await Split(visits, range);
            for (var tenant = 0; tenant < 12; tenant++)
            {
                var ofTenant = new QueryRequestOptions { PartitionKey = new PartitionKeyBuilder().Add($"t{tenant}").Build(), MaxItemCount = 3 };
                Same((await Clients.Query<int>(visits, "SELECT VALUE c.n FROM c", ofTenant)).Order(), Enumerable.Range(0, 8).Select(i => 12 * i + tenant), $"the items of the tenant {tenant}");
                var ofUser = new QueryRequestOptions { PartitionKey = Whole(tenant) };
                Same((await Clients.Query<int>(visits, "SELECT VALUE c.n FROM c", ofUser)).Order(), Enumerable.Range(0, 4).Select(i => 24 * i + tenant), $"the items of the user {tenant}");
                var feed = ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(new PartitionKeyBuilder().Add($"t{tenant}").Build()));
                Same((await Drain(visits, feed)).Items.Order(), Enumerable.Range(0, 8).Select(i => 12 * i + tenant), $"the changes of the tenant {tenant}");
            }
        });

        await run.Check("change feed over a split", async () =>
        {
            var split = await Filled("split-feed", 100);
            var before = (await split.GetFeedRangesAsync()).Single();
            var (some, continuation) = await Drain(split, ChangeFeedStartFrom.Beginning(), pages: 2);
            Expect(some.Count is > 0 and < 100, $"some of the items, not {some.Count}");
            await Split(split, "0");
            await Write(split, 100, 20);
            var (more, last) = await Drain(split, ChangeFeedStartFrom.ContinuationToken(continuation));
            Same(some.Concat(more).Order(), Enumerable.Range(0, 120), "every item once");
            await Split(split, "1");
            await Write(split, 120, 20);
            Same((await Drain(split, ChangeFeedStartFrom.ContinuationToken(last))).Items.Order(), Enumerable.Range(120, 20), "what is new after another split");
            Same((await Drain(split, ChangeFeedStartFrom.Beginning(before))).Items.Order(), Enumerable.Range(0, 140), "all of the range that was split");
            var found = new List<int>();
            foreach (var range in await split.GetFeedRangesAsync()) found.AddRange((await Drain(split, ChangeFeedStartFrom.Beginning(range))).Items);
            Same(found.Order(), Enumerable.Range(0, 140), "each item in one range");
        });

        await run.Check("bulk over a split", async () =>
        {
            var options = Clients.Options();
            options.AllowBulkExecution = true;
            using var client = new CosmosClient(connectionString, options);
            var filled = await Filled("split-bulk", 0);
            var bulk = client.GetContainer(database.Id, filled.Id);
            await Task.WhenAll(Enumerable.Range(0, 100).Select(n => bulk.CreateItemAsync(ItemOf(n), Key(n))));
            await Split(filled, "0");
            // The client sends to the old range, and learns that it is gone.
            var statuses = await Task.WhenAll(Enumerable.Range(100, 300).Select(async n => (await bulk.CreateItemAsync(ItemOf(n), Key(n))).StatusCode));
            Expect(statuses.All(status => status == HttpStatusCode.Created), "every item created");
            Same((await Clients.Query<int>(filled, "SELECT VALUE c.n FROM c")).Order(), Enumerable.Range(0, 400), "every item");
        });

        await run.Check("change feed processor over a split", async () =>
        {
            var split = await Filled("split-source", 50);
            Container leases = await database.CreateContainerAsync(new ContainerProperties("split-leases", "/id"));
            var seen = new ConcurrentQueue<int>();
            var hosts = Enumerable.Range(1, 2).Select(number => split
                .GetChangeFeedProcessorBuilder<Item>("split", (IReadOnlyCollection<Item> changes, CancellationToken _) =>
                {
                    foreach (var change in changes) seen.Enqueue(change.n);
                    return Task.CompletedTask;
                })
                .WithInstanceName($"host {number}").WithLeaseContainer(leases).WithStartTime(DateTime.MinValue.ToUniversalTime())
                .WithPollInterval(TimeSpan.FromMilliseconds(50)).WithLeaseConfiguration(TimeSpan.FromMilliseconds(300), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(1))
                .Build()).ToList();
            foreach (var host in hosts) await host.StartAsync();
            await Until(() => seen.Count >= 50, () => $"50 items, not {seen.Count}");
            await Split(split, "0");
            await Write(split, 50, 50);
            await Until(() => seen.Distinct().Count() >= 100, () => $"100 items, not {seen.Distinct().Count()}");
            await Split(split, "1");
            await Write(split, 100, 50);
            await Until(() => seen.Distinct().Count() >= 150, () => $"150 items, not {seen.Distinct().Count()}");
            Same(seen.Distinct().Order(), Enumerable.Range(0, 150), "every item");
            var states = await Clients.All(split.GetChangeFeedEstimator("split", leases).GetCurrentStateIterator());
            Expect(states.Count == 3, $"a lease for each of three ranges, not {states.Count}");
            foreach (var host in hosts) await host.StopAsync();
        });
    }

    private static PartitionKey Key(int n) => new($"k{n % 17}");

    private static Item ItemOf(int n) => new() { id = $"{n}", pk = $"k{n % 17}", n = n, team = $"g{n % 3}", tags = ["one", "other"] };

    private static async Task Write(Container container, int from, int count)
    {
        for (var n = from; n < from + count; n++) await container.CreateItemAsync(ItemOf(n), Key(n));
    }

    private static async Task<(List<int> Items, string Continuation)> Drain(Container container, ChangeFeedStartFrom start, int pages = int.MaxValue)
    {
        using var iterator = container.GetChangeFeedIterator<Item>(start, ChangeFeedMode.LatestVersion, new ChangeFeedRequestOptions { PageSizeHint = 15 });
        var (found, continuation, quiet) = (new List<int>(), "", 0);
        // Ranges are read in turn, and each reports on its own that there is nothing new.
        while (pages-- > 0 && quiet < 8)
        {
            var read = await iterator.ReadNextAsync();
            continuation = read.ContinuationToken;
            quiet = read.StatusCode == HttpStatusCode.NotModified ? quiet + 1 : 0;
            if (read.StatusCode != HttpStatusCode.NotModified) found.AddRange(read.Select(item => item.n));
        }
        return (found, continuation);
    }
}
