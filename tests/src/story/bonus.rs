//! A bonus that is paid with points, one for each household, within a budget.

use serde_json::json;

use super::{done, read};
use crate::delivery::Delivering;
use crate::letters::{bonus, columns_for, letter_shopper, made_run, put_campaign, tried_run};
use crate::world::{World, card};

pub(super) async fn tell(world: &World, delivering: &mut Delivering) {
    let anna = letter_shopper(world, 1, "8001").await;
    let (_, beat) = world.customer(2).await;
    let path = [("party_id", &*anna)];
    let related = json!({"relationship": "household", "other": beat});
    done(world, "POST /v1/parties/{party_id}/relationships", &path, &related).await;
    delivering.until_rest(world).await;
    columns_for(world, 5).await;
    let mut campaign = bonus("points");
    campaign["one_per_household"] = json!(true);
    campaign["voucher"]["cost_points"] = json!(50);
    campaign["voucher"]["per_member"] = json!(5);
    campaign["schedule"]["day"] = json!(22);
    campaign["budget_minor"] = json!(5_000);
    campaign["budget_rule"] = json!("leave_out");
    put_campaign(world, &campaign).await;
    let run = tried_run(world, delivering, "points").await;
    let totals = &run["dry_run"]["totals"];
    let of_run = (&totals["letters"], &totals["vouchers"], &totals["points"]);
    assert_eq!(of_run, (&json!(1), &json!(2), &json!(100)), "{run}");
    let letters = made_run(world, delivering, &run).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    let (balance, codes) = world.desk(&card(1)).await;
    assert_eq!((balance, codes.len()), (29, 2));
    let points = read(world, "GET /v1/parties/{party_id}/points?programme=treue", &path).await;
    assert_eq!(points["balance"], 29, "{points}");
}
