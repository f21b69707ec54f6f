using System.Net;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>Items: create, read, replace, upsert, patch, delete, and their refusals.</summary>
internal static class Items
{
    private static readonly PartitionKey P = new("p");

    public static async Task CheckAll(Run run, Database database)
    {
        Container items = await database.CreateContainerAsync(new ContainerProperties("items", "/pk"));

        await run.Check("items", async () =>
        {
            var created = await items.CreateItemAsync(new Item { id = "1", pk = "p", n = 1 }, P);
            Expect(created.StatusCode == HttpStatusCode.Created && created.Resource.n == 1, "a new item");
            Expect(created.ETag == created.Resource._etag && created.RequestCharge > 0 && created.Headers.Session != null && created.ActivityId != "", "its headers");
            var read = await items.ReadItemAsync<Item>("1", P);
            Expect(read.StatusCode == HttpStatusCode.OK && read.ETag == created.ETag && read.Resource.n == 1, "the item");
            var replaced = await items.ReplaceItemAsync(new Item { id = "1", pk = "p", n = 2 }, "1", P);
            Expect(replaced.StatusCode == HttpStatusCode.OK && replaced.ETag != created.ETag && replaced.Resource.n == 2, "the item that replaced it");
            Expect((await items.UpsertItemAsync(new Item { id = "1", pk = "p", n = 3 }, P)).StatusCode == HttpStatusCode.OK, "an upsert of what is there");
            Expect((await items.UpsertItemAsync(new Item { id = "2", pk = "p" })).StatusCode == HttpStatusCode.Created, "an upsert of what is new, its key in the item alone");
            Expect((await items.DeleteItemAsync<Item>("1", P)).StatusCode == HttpStatusCode.NoContent, "that it is deleted");
            var gone = await Refused(HttpStatusCode.NotFound, () => items.ReadItemAsync<Item>("1", P));
            Expect(gone.SubStatusCode == 0 && gone.ResponseBody.Contains("NotFound"), $"that the item alone is missing: {gone.SubStatusCode} {gone.ResponseBody}");
            await Refused(HttpStatusCode.NotFound, () => items.ReplaceItemAsync(new Item { id = "1", pk = "p" }, "1", P));
            await Refused(HttpStatusCode.NotFound, () => items.DeleteItemAsync<Item>("1", P));
            await Refused(HttpStatusCode.NotFound, () => items.ReadItemAsync<Item>("2", new PartitionKey("another")));
            await Refused(HttpStatusCode.Conflict, () => items.CreateItemAsync(new Item { id = "2", pk = "p" }, P));
            using var stream = await items.ReadItemStreamAsync("1", P);
            Expect(stream.StatusCode == HttpStatusCode.NotFound && !stream.IsSuccessStatusCode, "404 as a stream, without an exception");
        });

        await run.Check("items that are refused", async () =>
        {
            var mismatch = await Refused(HttpStatusCode.BadRequest, () => items.CreateItemAsync(new Item { id = "m", pk = "q" }, P));
            Expect(mismatch.SubStatusCode == 1001, $"the substatus 1001, not {mismatch.SubStatusCode}");
            await Refused(HttpStatusCode.BadRequest, () => items.CreateItemAsync(new { pk = "p" }, P));
            await Refused(HttpStatusCode.BadRequest, () => items.CreateItemAsync(new { id = 5, pk = "p" }, P));
            await Refused(HttpStatusCode.BadRequest, () => items.CreateItemAsync(new { id = "a/b", pk = "p" }, P));
            await Refused(HttpStatusCode.BadRequest, () => items.CreateItemAsync(new { id = new string('i', 1024), pk = "p" }, P));
            await Refused(HttpStatusCode.RequestEntityTooLarge, () => items.CreateItemAsync(new { id = "large", pk = "p", text = new string('x', 2 * 1024 * 1024) }, P));
            var absent = database.GetContainer("nowhere");
            var missing = await Refused(HttpStatusCode.NotFound, () => absent.ReadItemAsync<Item>("1", P));
            Expect(missing.SubStatusCode == 1003, $"the substatus 1003, not {missing.SubStatusCode}");
        });

        await run.Check("ids and texts of all kinds", async () =>
        {
            foreach (var id in new[] { "a b", "ü😀", "100%", "a+b&c=d", "'quoted'", "\"double\"", "semi;colon", "[x]{y}" })
            {
                await items.CreateItemAsync(new Item { id = id, pk = "ids", team = id }, new PartitionKey("ids"));
                Expect((await items.ReadItemAsync<Item>(id, new PartitionKey("ids"))).Resource.team == id, $"the item {id}");
                Expect((await items.DeleteItemAsync<Item>(id, new PartitionKey("ids"))).StatusCode == HttpStatusCode.NoContent, $"that {id} is deleted");
            }
        });

        await run.Check("etags", async () =>
        {
            var first = await items.CreateItemAsync(new Item { id = "etags", pk = "p" }, P);
            var second = await items.ReplaceItemAsync(new Item { id = "etags", pk = "p", n = 1 }, "etags", P, new ItemRequestOptions { IfMatchEtag = first.ETag });
            var stale = new ItemRequestOptions { IfMatchEtag = first.ETag };
            await Refused(HttpStatusCode.PreconditionFailed, () => items.ReplaceItemAsync(new Item { id = "etags", pk = "p" }, "etags", P, stale));
            await Refused(HttpStatusCode.PreconditionFailed, () => items.UpsertItemAsync(new Item { id = "etags", pk = "p" }, P, stale));
            await Refused(HttpStatusCode.PreconditionFailed, () => items.DeleteItemAsync<Item>("etags", P, stale));
            await Refused(HttpStatusCode.PreconditionFailed, () => items.PatchItemAsync<Item>("etags", P, [PatchOperation.Set("/n", 5)], new PatchItemRequestOptions { IfMatchEtag = first.ETag }));
            await Refused(HttpStatusCode.NotModified, () => items.ReadItemAsync<Item>("etags", P, new ItemRequestOptions { IfNoneMatchEtag = second.ETag }));
            Expect((await items.ReadItemAsync<Item>("etags", P, new ItemRequestOptions { IfNoneMatchEtag = first.ETag })).Resource.n == 1, "the item, as it is another");
            Expect((await items.DeleteItemAsync<Item>("etags", P, new ItemRequestOptions { IfMatchEtag = second.ETag })).StatusCode == HttpStatusCode.NoContent, "that it is deleted");
            Expect((await items.UpsertItemAsync(new Item { id = "etags", pk = "p" }, P, stale)).StatusCode == HttpStatusCode.Created, "that an upsert creates what is missing whatever If-Match says");
            await items.UpsertItemAsync(new Item { id = "etags", pk = "p" }, P, new ItemRequestOptions { IfMatchEtag = "*" });
        });

        await run.Check("writes without content", async () =>
        {
            var silent = new ItemRequestOptions { EnableContentResponseOnWrite = false };
            var created = await items.CreateItemAsync(new Item { id = "silent", pk = "p" }, P, silent);
            Expect(created.StatusCode == HttpStatusCode.Created && created.Resource is null && created.ETag != null, "a new item's etag alone");
            Expect((await items.ReplaceItemAsync(new Item { id = "silent", pk = "p" }, "silent", P, silent)).Resource is null, "no item that replaced it");
            Expect((await items.UpsertItemAsync(new Item { id = "silent", pk = "p" }, P, silent)).Resource is null, "no upserted item");
            Expect((await items.PatchItemAsync<Item>("silent", P, [PatchOperation.Set("/n", 7)], new PatchItemRequestOptions { EnableContentResponseOnWrite = false })).Resource is null, "no patched item");
            Expect((await items.ReadItemAsync<Item>("silent", P)).Resource.n == 7, "the item when it is read");
        });

        await run.Check("patch", async () =>
        {
            await items.CreateItemAsync(new { id = "patch", pk = "p", n = 1, name = "a", list = new[] { 1, 2, 3 }, old = 5 }, P);
            var patched = await items.PatchItemAsync<Newtonsoft.Json.Linq.JObject>("patch", P,
            [
                PatchOperation.Add("/list/-", 4),
                PatchOperation.Add("/list/0", 0),
                PatchOperation.Set("/name", "b"),
                PatchOperation.Replace("/old", 6),
                PatchOperation.Increment("/n", 41),
                PatchOperation.Increment("/half", 0.5),
                PatchOperation.Set("/inner", new { x = 1 }),
                PatchOperation.Move("/old", "/moved"),
                PatchOperation.Remove("/list/1"),
            ]);
            var item = patched.Resource;
            Same(item["list"]!.Select(each => (int)each), [0, 2, 3, 4], "the list");
            Expect((string?)item["name"] == "b" && (int)item["n"]! == 42 && (double)item["half"]! == 0.5 && (int)item["inner"]!["x"]! == 1, $"the values, not {item}");
            Expect((int)item["moved"]! == 6 && item["old"] is null, "the value that was moved");
            var filter = new PatchItemRequestOptions { FilterPredicate = "FROM c WHERE c.n = 42 AND c.name = 'b'" };
            Expect((int)(await items.PatchItemAsync<Newtonsoft.Json.Linq.JObject>("patch", P, [PatchOperation.Increment("/n", 1)], filter)).Resource["n"]! == 43, "a patch whose condition holds");
            await Refused(HttpStatusCode.PreconditionFailed, () => items.PatchItemAsync<Item>("patch", P, [PatchOperation.Increment("/n", 1)], filter));
            await Refused(HttpStatusCode.BadRequest, () => items.PatchItemAsync<Item>("patch", P, [PatchOperation.Replace("/absent", 1)]));
            await Refused(HttpStatusCode.BadRequest, () => items.PatchItemAsync<Item>("patch", P, [PatchOperation.Set("/id", "other")]));
            await Refused(HttpStatusCode.BadRequest, () => items.PatchItemAsync<Item>("patch", P, [.. Enumerable.Range(0, 11).Select(n => PatchOperation.Set($"/f{n}", n))]));
            await Refused(HttpStatusCode.NotFound, () => items.PatchItemAsync<Item>("absent", P, [PatchOperation.Set("/n", 1)]));
        });

        await run.Check("time to live", async () =>
        {
            Container mortal = await database.CreateContainerAsync(new ContainerProperties("mortal", "/pk") { DefaultTimeToLive = -1 });
            await mortal.CreateItemAsync(new Item { id = "stays", pk = "p" }, P);
            await mortal.CreateItemAsync(new Item { id = "goes", pk = "p", ttl = 1 }, P);
            var (left, end) = (new List<Item>(), DateTime.UtcNow.AddSeconds(20));
            do
            {
                await Task.Delay(50);
                left = await Clients.Query<Item>(mortal, "SELECT * FROM c");
            }
            while (left.Count > 1 && DateTime.UtcNow < end);
            Same(left.Select(item => item.id), ["stays"], "the items that are left");
            await Refused(HttpStatusCode.NotFound, () => mortal.ReadItemAsync<Item>("goes", P));
            await mortal.CreateItemAsync(new Item { id = "goes", pk = "p" }, P);
            await Refused(HttpStatusCode.BadRequest, () => mortal.CreateItemAsync(new Item { id = "never", pk = "p", ttl = 0 }, P));
        });

        await run.Check("unique keys", async () =>
        {
            var properties = new ContainerProperties("unique", "/pk") { UniqueKeyPolicy = new UniqueKeyPolicy { UniqueKeys = { new UniqueKey { Paths = { "/team", "/n" } } } } };
            Container unique = await database.CreateContainerAsync(properties);
            await unique.CreateItemAsync(new Item { id = "1", pk = "p", team = "a", n = 1 }, P);
            await Refused(HttpStatusCode.Conflict, () => unique.CreateItemAsync(new Item { id = "2", pk = "p", team = "a", n = 1 }, P));
            await unique.CreateItemAsync(new Item { id = "1", pk = "q", team = "a", n = 1 }, new PartitionKey("q"));
            await unique.CreateItemAsync(new Item { id = "2", pk = "p", team = "a", n = 2 }, P);
            await Refused(HttpStatusCode.Conflict, () => unique.ReplaceItemAsync(new Item { id = "2", pk = "p", team = "a", n = 1 }, "2", P));
            await Refused(HttpStatusCode.Conflict, () => unique.PatchItemAsync<Item>("2", P, [PatchOperation.Set("/n", 1)]));
            await unique.ReplaceItemAsync(new Item { id = "1", pk = "p", team = "b", n = 1 }, "1", P);
            await unique.ReplaceItemAsync(new Item { id = "2", pk = "p", team = "a", n = 1 }, "2", P);
        });
    }
}
