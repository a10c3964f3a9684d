import coursierapi.Credentials;
import coursierapi.Dependency;
import coursierapi.Fetch;
import coursierapi.MavenRepository;
import java.io.File;

/** coursier as a program: fetches a dependency and all it needs from one repository, and prints where the files are. */
class FetchOne {
    public static void main(String[] args) throws Exception {
        MavenRepository repository = MavenRepository.of(args[0]);
        String token = System.getenv("FEED_TOKEN");
        if (token != null) repository = repository.withCredentials(Credentials.of("edgefeed", token));
        String[] parts = args[1].split(":");
        Fetch fetch = Fetch.create().withRepositories(repository).addDependencies(Dependency.of(parts[0], parts[1], parts[2]));
        for (File file : fetch.fetch()) System.out.println(file.getName());
    }
}
