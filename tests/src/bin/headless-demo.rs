//! `make demo` on a machine without a display: the real window on a hidden screen, used by a scripted person through WebDriver.
//!
//! Nothing is skipped: the person signs in on the provider's page, reads the number on the shop's page, types it and the PIN into the window.

use std::{collections::HashMap, fs, path::PathBuf, time::Instant};

use anyhow::{Context as _, bail};
use countersign_e2e::{
    PIN, Person,
    desktop::{Desktop, Keyring},
    driver::{Session, opened_address},
};
use fantoccini::Locator;

struct Arguments {
    backend: String,
    shop: String,
    person: Person,
    app: PathBuf,
    pictures: PathBuf,
}

fn arguments() -> anyhow::Result<Arguments> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let mut given: HashMap<&str, &str> = HashMap::new();
    for pair in words.chunks(2) {
        let [name, value] = pair else {
            bail!("{} needs a value", pair[0])
        };
        given.insert(name, value);
    }
    let get = |name: &str| {
        given
            .get(name)
            .map(|value| (*value).to_owned())
            .with_context(|| format!("{name} is missing"))
    };
    let password = fs::read_to_string(get("--password-file")?).context("the password file cannot be read")?;
    Ok(Arguments {
        backend: get("--backend")?,
        shop: get("--shop")?,
        person: Person {
            username: get("--username")?,
            password: password.trim().to_owned(),
        },
        app: get("--app")?.into(),
        pictures: get("--pictures")?.into(),
    })
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let arguments = arguments()?;
    fs::create_dir_all(&arguments.pictures)?;
    let began = Instant::now();
    let tell = |what: &str| println!("  {:>5.1} s  {what}", began.elapsed().as_secs_f32());

    let desktop = Desktop::start("1024x768", Keyring::Unlocked);
    let (shim, opened) = desktop.browser_shim();
    let shim = shim.to_str().context("paths are UTF-8")?;
    let window = Session::app(
        &desktop,
        &arguments.app,
        &[("BROWSER", shim), ("COUNTERSIGN_BACKEND", &arguments.backend)],
    )
    .await;
    tell("the window is open");
    pair(&arguments, &window, &desktop, &opened).await;
    tell("this device is paired: signed in with the provider's page, keys in the keyring");

    let shop = Session::browser(&desktop, "shop").await;
    for (scene, outcome) in [("approve", "approved"), ("deny", "denied"), ("wait", "expired")] {
        shop.page.goto(&format!("{}/shop", arguments.shop)).await?;
        shop.find_css(".primary").await.click().await?;
        window.click("nav-pending").await;
        window.click("request-card").await;
        match scene {
            "approve" => approve(&arguments, &window, &shop).await,
            "deny" => window.click("deny").await,
            _ => tell("nobody answers: this takes as long as the shop gave the person"),
        }
        shop.find_css_within(
            &format!("#approval[data-state={outcome}]"),
            std::time::Duration::from_secs(200),
        )
        .await;
        shop.picture(&arguments.pictures.join(format!("shop-{outcome}.png")))
            .await;
        window
            .picture(&arguments.pictures.join(format!("window-{outcome}.png")))
            .await;
        tell(&format!("the shop's page says: {outcome}"));
        if scene == "approve" {
            let row = shop.page.find(Locator::Css("[data-claim=sub]")).await?.text().await?;
            let claim = row.lines().last().unwrap_or_default();
            tell(&format!("and shows the claims of the verified ID token, sub = {claim}"));
        }
    }
    println!("\n  Pictures of both screens are in {}.", arguments.pictures.display());
    Ok(())
}

async fn pair(arguments: &Arguments, window: &Session, desktop: &Desktop, opened: &std::path::Path) {
    window.type_into("pair-backend", &arguments.backend).await;
    window.type_into("pair-name", "Anna's desktop").await;
    window.type_into("pair-pin", PIN).await;
    window.type_into("pair-pin-repeat", PIN).await;
    window.click("pair-submit").await;
    let browser = Session::browser(desktop, "sign-in").await;
    browser.sign_in(&arguments.person, &opened_address(opened).await).await;
    window.click("pairing-finish").await;
    window.find_css("[data-testid=connection][data-connection=live]").await;
}

async fn approve(arguments: &Arguments, window: &Session, shop: &Session) {
    let number = shop
        .find("message")
        .await
        .text()
        .await
        .expect("the page shows a number");
    let number: String = number.chars().filter(char::is_ascii_digit).collect();
    window.type_into("match-input", &number).await;
    window.type_into("pin-input", PIN).await;
    shop.picture(&arguments.pictures.join("shop-waiting.png")).await;
    window.picture(&arguments.pictures.join("window-request.png")).await;
    window.click("approve").await;
    window.state("approved").await;
}
