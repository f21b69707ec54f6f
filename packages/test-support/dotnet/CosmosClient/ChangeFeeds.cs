using System.Net;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>The change feed in the pull model.</summary>
internal static class ChangeFeeds
{
    public static async Task CheckAll(Run run, Database database)
    {
        Container feed = await database.CreateContainerAsync(new ContainerProperties("feed", "/pk"));
        async Task Write(int from, int count)
        {
            for (var i = from; i < from + count; i++) await feed.UpsertItemAsync(new Item { id = $"{i}", pk = $"k{i % 5}", n = i }, new PartitionKey($"k{i % 5}"));
        }
        await Write(0, 100);

        await run.Check("change feed from the beginning", async () =>
        {
            var (found, _) = await Drain(ChangeFeedStartFrom.Beginning(), 30);
            Same(found.Select(item => item.n), Enumerable.Range(0, 100), "every item in the order of its write");
            await feed.UpsertItemAsync(new Item { id = "0", pk = "k0", n = 1000 }, new PartitionKey("k0"));
            var (again, _) = await Drain(ChangeFeedStartFrom.Beginning());
            Same(again.Select(item => item.n), Enumerable.Range(1, 99).Append(1000), "a changed item once, at its last place");
        });

        await run.Check("change feed by continuation", async () =>
        {
            var (_, continuation) = await Drain(ChangeFeedStartFrom.Beginning());
            await Write(100, 20);
            var (more, last) = await Drain(ChangeFeedStartFrom.ContinuationToken(continuation), 7);
            Same(more.Select(item => item.n), Enumerable.Range(100, 20), "what is new since");
            Expect((await Drain(ChangeFeedStartFrom.ContinuationToken(last))).Items.Count == 0, "nothing new");
        });

        await run.Check("change feed from now", async () =>
        {
            var (nothing, continuation) = await Drain(ChangeFeedStartFrom.Now());
            Expect(nothing.Count == 0, $"nothing yet, not {nothing.Count}");
            await Write(120, 5);
            Same((await Drain(ChangeFeedStartFrom.ContinuationToken(continuation))).Items.Select(item => item.n), Enumerable.Range(120, 5), "what came after");
        });

        await run.Check("change feed from a time", async () =>
        {
            var last = await feed.UpsertItemAsync(Newtonsoft.Json.Linq.JObject.Parse("""{"id":"last","pk":"k0","n":0}"""), new PartitionKey("k0"));
            var second = last.Resource["_ts"]!.ToObject<long>();
            while (DateTimeOffset.UtcNow.ToUnixTimeSeconds() < second + 2) await Task.Delay(50);
            var since = DateTime.UtcNow;
            await feed.UpsertItemAsync(new Item { id = "late", pk = "k0", n = -5 }, new PartitionKey("k0"));
            Same((await Drain(ChangeFeedStartFrom.Time(since.AddSeconds(-1)))).Items.Select(item => item.n), [-5], "what is as late or later");
            Expect((await Drain(ChangeFeedStartFrom.Time(since.AddHours(-1)))).Items.Count > 100, "all since an hour");
        });

        await run.Check("change feed of ranges and keys", async () =>
        {
            var all = (await Drain(ChangeFeedStartFrom.Beginning())).Items.Select(item => item.id).Order().ToList();
            var ranges = await feed.GetFeedRangesAsync();
            var found = new List<string>();
            foreach (var range in ranges) found.AddRange((await Drain(ChangeFeedStartFrom.Beginning(FeedRange.FromJsonString(range.ToJsonString())))).Items.Select(item => item.id));
            Same(found.Order(), all, "each item in one range");
            var (ofKey, continuation) = await Drain(ChangeFeedStartFrom.Beginning(FeedRange.FromPartitionKey(new PartitionKey("k2"))), 10);
            Expect(ofKey.Count >= 20 && ofKey.All(item => item.pk == "k2"), "the items of one key");
            await feed.UpsertItemAsync(new Item { id = "other", pk = "k1" }, new PartitionKey("k1"));
            await feed.UpsertItemAsync(new Item { id = "own", pk = "k2" }, new PartitionKey("k2"));
            Same((await Drain(ChangeFeedStartFrom.ContinuationToken(continuation))).Items.Select(item => item.id), ["own"], "what is new of the key");
        });

        await run.Check("change feed of a deleted item", async () =>
        {
            var (_, continuation) = await Drain(ChangeFeedStartFrom.Beginning());
            await feed.DeleteItemAsync<Item>("1", new PartitionKey("k1"));
            Expect((await Drain(ChangeFeedStartFrom.ContinuationToken(continuation))).Items.Count == 0, "nothing of a deletion");
            Expect((await Drain(ChangeFeedStartFrom.Beginning())).Items.All(item => item.id != "1"), "no deleted item");
        });

        async Task<(List<Item> Items, string Continuation)> Drain(ChangeFeedStartFrom start, int? page = null)
        {
            using var iterator = feed.GetChangeFeedIterator<Item>(start, ChangeFeedMode.LatestVersion, new ChangeFeedRequestOptions { PageSizeHint = page });
            var found = new List<Item>();
            while (true)
            {
                var read = await iterator.ReadNextAsync();
                if (read.StatusCode == HttpStatusCode.NotModified) return (found, read.ContinuationToken);
                Expect(page is null || read.Count <= page, $"a page of at most {page}, not {read.Count}");
                found.AddRange(read);
            }
        }
    }
}
