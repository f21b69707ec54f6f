using System.Collections.ObjectModel;
using System.Net;
using Microsoft.Azure.Cosmos;
using static Expectations;

/// <summary>The account, databases and containers, and their throughput.</summary>
internal static class Resources
{
    public static async Task CheckAll(Run run, CosmosClient client, Database database)
    {
        await run.Check("account", async () =>
        {
            var account = await client.ReadAccountAsync();
            Expect(account.Id != "", "an id of the account");
            Expect(account.Consistency.DefaultConsistencyLevel == ConsistencyLevel.Session, $"session consistency, not {account.Consistency.DefaultConsistencyLevel}");
            Expect(account.ReadableRegions.Any() && account.WritableRegions.Any(), "a region to read from and one to write to");
        });

        await run.Check("databases", async () =>
        {
            var id = $"other-{Guid.NewGuid():N}";
            var created = await client.CreateDatabaseAsync(id);
            Expect(created.StatusCode == HttpStatusCode.Created && created.Resource.Id == id && created.ETag != null, "a new database");
            await Refused(HttpStatusCode.Conflict, () => client.CreateDatabaseAsync(id));
            Expect((await client.CreateDatabaseIfNotExistsAsync(id)).StatusCode == HttpStatusCode.OK, "that it exists");
            Expect((await created.Database.ReadAsync()).Resource.SelfLink == created.Resource.SelfLink, "the same database");
            var ids = (await Clients.All(client.GetDatabaseQueryIterator<DatabaseProperties>())).Select(each => each.Id).ToList();
            Expect(ids.Contains(id) && ids.Contains(database.Id), "both databases in the list");
            var query = new QueryDefinition("SELECT * FROM c WHERE c.id = @id").WithParameter("@id", id);
            Same((await Clients.All(client.GetDatabaseQueryIterator<DatabaseProperties>(query))).Select(each => each.Id), [id], "the databases of the query");
            Expect((await created.Database.DeleteAsync()).StatusCode == HttpStatusCode.NoContent, "that it is deleted");
            await Refused(HttpStatusCode.NotFound, () => created.Database.ReadAsync());
            await Refused(HttpStatusCode.NotFound, () => created.Database.DeleteAsync());
        });

        await run.Check("container with all its properties", async () =>
        {
            var wanted = new ContainerProperties("everything", "/pk")
            {
                DefaultTimeToLive = 3600,
                UniqueKeyPolicy = new UniqueKeyPolicy { UniqueKeys = { new UniqueKey { Paths = { "/email", "/tenant" } } } },
                ConflictResolutionPolicy = new ConflictResolutionPolicy { Mode = ConflictResolutionMode.LastWriterWins, ResolutionPath = "/_ts" },
                IndexingPolicy = new IndexingPolicy
                {
                    IndexingMode = IndexingMode.Consistent,
                    Automatic = true,
                    IncludedPaths = { new IncludedPath { Path = "/*" } },
                    ExcludedPaths = { new ExcludedPath { Path = "/notes/?" } },
                    CompositeIndexes = { new Collection<CompositePath> { new() { Path = "/a", Order = CompositePathSortOrder.Ascending }, new() { Path = "/b", Order = CompositePathSortOrder.Descending } } },
                },
            };
            var created = await database.CreateContainerAsync(wanted);
            Expect(created.StatusCode == HttpStatusCode.Created, $"a new container, not {created.StatusCode}");
            var read = (await created.Container.ReadContainerAsync()).Resource;
            Expect(read.PartitionKeyPath == "/pk" && read.PartitionKeyDefinitionVersion == PartitionKeyDefinitionVersion.V2, "the partition key");
            Expect(read.DefaultTimeToLive == 3600, $"the time to live, not {read.DefaultTimeToLive}");
            Same(read.UniqueKeyPolicy.UniqueKeys.SelectMany(key => key.Paths), ["/email", "/tenant"], "the unique keys");
            Expect(read.IndexingPolicy.ExcludedPaths.Any(path => path.Path == "/notes/?"), "the excluded paths");
            Expect(read.IndexingPolicy.CompositeIndexes.Single()[1].Order == CompositePathSortOrder.Descending, "the composite index");
            Expect(read.ConflictResolutionPolicy.ResolutionPath == "/_ts", "how conflicts are resolved");
            Expect(read.LastModified is not null && read.ETag is not null && read.SelfLink is not null, "the system's fields");
            await Refused(HttpStatusCode.Conflict, () => database.CreateContainerAsync(wanted));
            Expect((await database.CreateContainerIfNotExistsAsync(wanted)).StatusCode == HttpStatusCode.OK, "that it exists");

            read.DefaultTimeToLive = -1;
            read.IndexingPolicy.ExcludedPaths.Add(new ExcludedPath { Path = "/body/*" });
            var replaced = (await created.Container.ReplaceContainerAsync(read)).Resource;
            Expect(replaced.DefaultTimeToLive == -1 && replaced.IndexingPolicy.ExcludedPaths.Any(path => path.Path == "/body/*"), "the properties that were replaced");
            await Refused(HttpStatusCode.BadRequest, () => created.Container.ReplaceContainerAsync(new ContainerProperties("everything", "/other")));
            var listed = (await Clients.All(database.GetContainerQueryIterator<ContainerProperties>())).Select(each => each.Id);
            Same(listed, ["everything"], "the list of containers");
            Expect((await created.Container.DeleteContainerAsync()).StatusCode == HttpStatusCode.NoContent, "that it is deleted");
            await Refused(HttpStatusCode.NotFound, () => created.Container.ReadContainerAsync());
        });

        await run.Check("throughput of a container", async () =>
        {
            Container container = await database.CreateContainerAsync(new ContainerProperties("manual", "/pk"), throughput: 500);
            Expect(await container.ReadThroughputAsync() == 500, "the throughput that it was created with");
            var read = await container.ReadThroughputAsync(new RequestOptions());
            Expect(read.Resource.Throughput == 500 && read.MinThroughput is > 0 && read.Resource.AutoscaleMaxThroughput is null, "the throughput as an offer");
            Expect(read.IsReplacePending is not true, "that no change is pending");
            var replaced = await container.ReplaceThroughputAsync(1000);
            Expect(replaced.Resource.Throughput == 1000 && await container.ReadThroughputAsync() == 1000, "the throughput that replaced it");
            await Refused(HttpStatusCode.BadRequest, () => container.ReplaceThroughputAsync(150));

            Container scaled = await database.CreateContainerAsync(new ContainerProperties("scaled", "/pk"), ThroughputProperties.CreateAutoscaleThroughput(4000));
            Expect((await scaled.ReadThroughputAsync(new RequestOptions())).Resource.AutoscaleMaxThroughput == 4000, "the most that it scales to");
            var higher = await scaled.ReplaceThroughputAsync(ThroughputProperties.CreateAutoscaleThroughput(6000));
            Expect(higher.Resource.AutoscaleMaxThroughput == 6000, "the most that replaced it");

            Container without = await database.CreateContainerAsync(new ContainerProperties("default", "/pk"));
            Expect(await without.ReadThroughputAsync() == 400, "the throughput of a container that asked for none");
        });

        await run.Check("throughput of a database", async () =>
        {
            Database shared = await client.CreateDatabaseAsync($"shared-{Guid.NewGuid():N}", throughput: 600);
            Expect(await shared.ReadThroughputAsync() == 600, "the throughput that it was created with");
            Expect((await shared.ReplaceThroughputAsync(700)).Resource.Throughput == 700, "the throughput that replaced it");
            Container container = await shared.CreateContainerAsync(new ContainerProperties("c", "/pk"));
            Expect(await container.ReadThroughputAsync() is null, "that a container shares its database's");
            await shared.DeleteAsync();
            Expect(await database.ReadThroughputAsync() is null, "that a database has none unless it asked");
        });
    }
}
