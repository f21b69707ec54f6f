using System.Collections.ObjectModel;
using System.Net;
using Microsoft.Azure.Cosmos;
using Microsoft.Azure.Cosmos.Linq;
using static Expectations;

/// <summary>Queries, as text and by LINQ, over one partition and over all.</summary>
internal static class Queries
{
    /// <summary>The index for an order by team, then descending by n or by an absent field.</summary>
    public static readonly IndexingPolicy ByTeamThenBack = new()
    {
        IncludedPaths = { new IncludedPath { Path = "/*" } },
        CompositeIndexes = { TeamThenBack("/n"), TeamThenBack("/absent") },
    };

    private static Collection<CompositePath> TeamThenBack(string path) =>
        [new() { Path = "/team", Order = CompositePathSortOrder.Ascending }, new() { Path = path, Order = CompositePathSortOrder.Descending }];

    private sealed record Group(string team, int count, double most);

    public static async Task CheckAll(Run run, Database database)
    {
        Container queries = await database.CreateContainerAsync(new ContainerProperties("queries", "/pk") { IndexingPolicy = ByTeamThenBack });
        for (var i = 0; i < 250; i++)
        {
            var item = new Item { id = $"{i:000}", pk = $"k{i % 10}", n = i, team = $"g{i % 3}", tags = [$"t{i % 2}", "all"] };
            await queries.CreateItemAsync(item, new PartitionKey(item.pk));
        }
        var one = new QueryRequestOptions { PartitionKey = new PartitionKey("k3") };

        await run.Check("query pages", async () =>
        {
            using var pages = queries.GetItemQueryIterator<Item>("SELECT * FROM c", requestOptions: new QueryRequestOptions { MaxItemCount = 60 });
            var (found, continuation) = (new List<Item>(), (string?)null);
            while (pages.HasMoreResults && found.Count < 120)
            {
                var page = await pages.ReadNextAsync();
                Expect(page.Count <= 60 && page.RequestCharge > 0, $"a page of at most 60, not {page.Count}");
                found.AddRange(page);
                continuation = page.ContinuationToken;
            }
            Expect(found.Count == 120 && continuation != null, $"two pages and a continuation, not {found.Count}");
            found.AddRange(await Clients.All(queries.GetItemQueryIterator<Item>("SELECT * FROM c", continuation)));
            Same(found.Select(item => item.n).Order(), Enumerable.Range(0, 250), "every item once");
            var serial = new QueryRequestOptions { MaxItemCount = 7, MaxConcurrency = 1, PartitionKey = new PartitionKey("k3") };
            Expect((await Clients.Query<Item>(queries, "SELECT * FROM c", serial)).Count == 25, "the pages of one partition");
        });

        await run.Check("query with parameters", async () =>
        {
            var query = new QueryDefinition("SELECT c.id, c.n FROM c WHERE c.n >= @from AND c.team = @team AND ARRAY_CONTAINS(c.tags, @tag)")
                .WithParameter("@from", 240).WithParameter("@team", "g1").WithParameter("@tag", "t0");
            Same((await Clients.All(queries.GetItemQueryIterator<Item>(query))).Select(item => item.n).Order(), [244], "the items that the parameters name");
        });

        await run.Check("query in order", async () =>
        {
            var paged = new QueryRequestOptions { MaxItemCount = 30 };
            Same((await Clients.Query<Item>(queries, "SELECT * FROM c ORDER BY c.n DESC", paged)).Select(item => item.n), Enumerable.Range(0, 250).Reverse(), "the items from last to first");
            Same((await Clients.Query<Item>(queries, "SELECT * FROM c WHERE c.n < 20 ORDER BY c.id", paged)).Select(item => item.n), Enumerable.Range(0, 20), "the items by their ids");
            Same(await Clients.Query<int>(queries, "SELECT VALUE c.n FROM c ORDER BY c.team ASC, c.n DESC OFFSET 2 LIMIT 3"), [243, 240, 237], "three by two orders");
            Same(await Clients.Query<int>(queries, "SELECT TOP 4 VALUE c.n FROM c ORDER BY c.n", one), [3, 13, 23, 33], "the first of one partition");
            using var first = queries.GetItemQueryIterator<int>("SELECT VALUE c.n FROM c ORDER BY c.n", requestOptions: new QueryRequestOptions { MaxItemCount = 100 });
            var page = await first.ReadNextAsync();
            var rest = await Clients.All(queries.GetItemQueryIterator<int>("SELECT VALUE c.n FROM c ORDER BY c.n", page.ContinuationToken));
            Same(page.Concat(rest), Enumerable.Range(0, 250), "the order over a continuation");
        });

        await run.Check("query in an order of equals", async () =>
        {
            // Each page uses a new iterator, which has only the continuation.
            foreach (var order in new[] { "c.team", "c.team DESC", "c.absent DESC", "c.team, c.n DESC" })
                Same((await ByContinuation<int>(queries, $"SELECT VALUE c.n FROM c ORDER BY {order}", 7)).Order(), Enumerable.Range(0, 250), $"every item once by {order}");
        });

        await run.Check("query aggregates", async () =>
        {
            async Task<double> Of(string aggregate, QueryRequestOptions? options = null) => (await Clients.Query<double>(queries, $"SELECT VALUE {aggregate} FROM c", options)).Single();
            Same([await Of("COUNT(1)"), await Of("SUM(c.n)"), await Of("AVG(c.n)"), await Of("MIN(c.n)"), await Of("MAX(c.n)")], [250, 31125, 124.5, 0, 249], "the aggregates of all");
            Same([await Of("COUNT(1)", one), await Of("SUM(c.n)", one)], [25, 3075], "the aggregates of one partition");
            var several = (await Clients.Query<Dictionary<string, double>>(queries, "SELECT COUNT(1) AS count, MAX(c.n) AS most FROM c")).Single();
            Expect(several["count"] == 250 && several["most"] == 249, "several aggregates at once");
        });

        await run.Check("query groups", async () =>
        {
            var groups = await Clients.Query<Group>(queries, "SELECT c.team, COUNT(1) AS count, MAX(c.n) AS most FROM c GROUP BY c.team");
            Same(groups.OrderBy(each => each.team), [new("g0", 84, 249), new("g1", 83, 247), new("g2", 83, 248)], "the groups");
        });

        await run.Check("query distinct", async () =>
        {
            Same((await Clients.Query<string>(queries, "SELECT DISTINCT VALUE c.team FROM c")).Order(), ["g0", "g1", "g2"], "the values once");
            Same(await Clients.Query<string>(queries, "SELECT DISTINCT VALUE c.pk FROM c ORDER BY c.pk DESC"), Enumerable.Range(0, 10).Reverse().Select(i => $"k{i}"), "the values once, in order");
            Same((await Clients.Query<string>(queries, "SELECT DISTINCT VALUE t FROM c JOIN t IN c.tags WHERE c.n < 10")).Order(), ["all", "t0", "t1"], "the members of arrays once");
        });

        await run.Check("query by LINQ", async () =>
        {
            Same(await Linq(queries.GetItemLinqQueryable<Item>().Where(item => item.n >= 100 && item.n < 105 && item.team != "g1").Select(item => item.n)), [101, 102, 104], "a filter and a projection");
            Same(await Linq(queries.GetItemLinqQueryable<Item>().OrderByDescending(item => item.n).Skip(5).Take(2).Select(item => item.id)), ["244", "243"], "an order, a part of it");
            Same((await Linq(queries.GetItemLinqQueryable<Item>().Where(item => item.id.StartsWith("01") && item.tags!.Contains("t1")).Select(item => item.n))).Order(), [11, 13, 15, 17, 19], "functions of texts and arrays");
            Same((await Linq(queries.GetItemLinqQueryable<Item>().Where(item => item.n < 2).SelectMany(item => item.tags!).Distinct())).Order(), ["all", "t0", "t1"], "what is within, once");
            Expect((await queries.GetItemLinqQueryable<Item>().Where(item => item.team == "g2").CountAsync()).Resource == 83, "a count");
            Expect((await queries.GetItemLinqQueryable<Item>().Select(item => item.n).MaxAsync()).Resource == 249, "the most");
            Expect((await queries.GetItemLinqQueryable<Item>(requestOptions: one).Select(item => item.n).SumAsync()).Resource == 3075, "a sum of one partition");
            var some = new[] { "003", "013" };
            Same(await Linq(queries.GetItemLinqQueryable<Item>(requestOptions: one).Where(item => some.Contains(item.id)).OrderBy(item => item.n).Select(item => item.n)), [3, 13], "members of a list");
        });

        await run.Check("query by LINQ with subqueries and functions", async () =>
        {
            var all = queries.GetItemLinqQueryable<Item>();
            async Task Numbers(IQueryable<Item> query, IEnumerable<int> expected, string what) => Same((await Linq(query.Select(item => item.n))).Order(), expected, what);
            await Numbers(all.Where(item => item.n < 6 && item.tags!.Any(tag => tag == "t1")), [1, 3, 5], "any of an array");
            await Numbers(all.Where(item => item.n < 3 && item.tags!.Where(tag => tag.StartsWith("t")).Count() == 1), [0, 1, 2], "a count within an item");
            await Numbers(all.Where(item => item.n < 12 && item.id.Substring(2, 1) == "1" && item.id.ToUpper() == item.id), [1, 11], "parts of a text");
            await Numbers(all.Where(item => item.id.Contains("24", StringComparison.OrdinalIgnoreCase) && item.id.EndsWith('4')), [24, 124, 224, 244], "the case aside");
            await Numbers(all.Where(item => item.team!.Equals("G2", StringComparison.OrdinalIgnoreCase) && item.n <= 5), [2, 5], "an equality, the case aside");
            await Numbers(all.Where(item => item.id.IndexOf("9") == 1 && item.id.Replace("0", "").Trim() == "9"), [90], "places in a text");
            await Numbers(all.Where(item => Math.Abs(item.n - 100) <= 1 || Math.Floor(item.n / 100.0) == 2 && item.n % 49 == 0), [99, 100, 101, 245], "functions of numbers");
            await Numbers(all.Where(item => item.ttl.IsNull() || item.n == 7 && !item.ttl.IsDefined()), [7], "what is null, and what is not there");
            await Numbers(all.Where(item => (item.n > 248 ? "last" : "other") == "last"), [249], "a choice");
            await Numbers(all.Where(item => item.tags![0] == "t0" && item.tags.Count() == 2 && item.n < 4), [0, 2], "places in an array");
            await Numbers(all.Where(item => new[] { 3, 4 }.Contains(item.n) || item.n == 8 && item.team != null), [3, 4, 8], "one of several");
            var shaped = await Linq(all.Where(item => item.n < 2).OrderBy(item => item.n).Select(item => new { Number = item.n, Text = item.team + "!", Within = new { First = item.tags![0] } }));
            Same(shaped.Select(each => $"{each.Number} {each.Text} {each.Within.First}"), ["0 g0! t0", "1 g1! t1"], "a shape of their own");
            Same(await Linq(all.Where(item => item.n == 3).SelectMany(item => item.tags!.Where(tag => tag != "all").Select(tag => item.id + tag))), ["003t1"], "pairs of an item and what is within");
            Expect((await all.Select(item => item.n).AverageAsync()).Resource == 124.5 && (await all.Where(item => item.n > 5).Select(item => item.n).MinAsync()).Resource == 6, "other aggregates");
            Same((await Linq(all.Select(item => item.team).Distinct())).Order(), ["g0", "g1", "g2"], "values once");
        });

        await run.Check("query of feed ranges", async () =>
        {
            var found = new List<int>();
            foreach (var range in await queries.GetFeedRangesAsync())
                found.AddRange(await Clients.All(queries.GetItemQueryIterator<int>(range, new QueryDefinition("SELECT VALUE c.n FROM c"))));
            Same(found.Order(), Enumerable.Range(0, 250), "every item once");
        });

        await run.Check("query that is refused", async () =>
        {
            await Refused(HttpStatusCode.BadRequest, () => Clients.Query<object>(queries, "SELECT * FROM c WHERE"));
            await Refused(HttpStatusCode.BadRequest, () => Clients.Query<object>(queries, "SELECT * FROM c WHERE c.n = @absent"));
            await Refused(HttpStatusCode.BadRequest, () => Clients.Query<object>(queries, "SELECT NOWHERE(c.n) FROM c"));
            await Refused(HttpStatusCode.BadRequest, () => Clients.Query<object>(queries, "SELECT c.group FROM c"));
            await Refused(HttpStatusCode.BadRequest, () => Clients.Query<object>(queries, "SELECT * FROM c ORDER BY c.team, c.n"));
            await Refused(HttpStatusCode.BadRequest, () => Clients.Query<object>(queries, "DELETE FROM c", one));
        });

        await run.Check("item list and streams", async () =>
        {
            using var all = queries.GetItemQueryIterator<Item>(requestOptions: new QueryRequestOptions { MaxItemCount = 100 });
            Expect((await Clients.All(all)).Count == 250, "every item without a query");
            using var stream = queries.GetItemQueryStreamIterator("SELECT * FROM c WHERE c.n < 3");
            using var page = await stream.ReadNextAsync();
            using var reader = new StreamReader(page.Content);
            var text = Newtonsoft.Json.Linq.JObject.Parse(await reader.ReadToEndAsync());
            Expect(text["Documents"]!.Count() == 3 && (int)text["_count"]! == 3, "a page as a stream");
        });
    }

    /// <summary>All results, each page by a new iterator.</summary>
    public static async Task<List<T>> ByContinuation<T>(Container container, string query, int pageSize)
    {
        var (all, continuation) = (new List<T>(), (string?)null);
        do
        {
            using var pages = container.GetItemQueryIterator<T>(query, continuation, new QueryRequestOptions { MaxItemCount = pageSize });
            var page = await pages.ReadNextAsync();
            all.AddRange(page);
            continuation = page.ContinuationToken;
        }
        while (continuation != null);
        return all;
    }

    private static Task<List<T>> Linq<T>(IQueryable<T> query) => Clients.All(query.ToFeedIterator());
}
