// What Newtonsoft.Json makes of texts, as the Functions host calls it for a message that is bound as an object: read to an object, put into
// an array, and written again. The input is a JSON array of texts, the output one of what became of each; null is what could not be read.

using System.Text;
using Newtonsoft.Json;

using var input = new StreamReader(Console.OpenStandardInput(), new UTF8Encoding(false));
var texts = System.Text.Json.JsonSerializer.Deserialize<string[]>(input.ReadToEnd())!;
var rewritten = texts.Select(Rewrite).ToArray();
using var output = new StreamWriter(Console.OpenStandardOutput(), new UTF8Encoding(false));
output.Write(System.Text.Json.JsonSerializer.Serialize(rewritten));

static string? Rewrite(string text)
{
    try
    {
        var array = new[] { JsonConvert.DeserializeObject(text, typeof(object)) };
        return JsonConvert.SerializeObject(array, Formatting.None)[1..^1];
    }
    catch (Exception error) when (error is JsonException or ArgumentOutOfRangeException or NullReferenceException)
    {
        return null;
    }
}
